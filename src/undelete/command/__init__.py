"""What the command line needs: its options, its progress, and how it ends."""
