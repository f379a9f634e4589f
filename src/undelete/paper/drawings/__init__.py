"""The figures as SVG."""
