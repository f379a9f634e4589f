"""What a fitted file stores of its training records by itself, and what two of them say of who came between."""
