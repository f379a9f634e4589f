"""The public side: everything here runs where no private record exists."""
