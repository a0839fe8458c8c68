"""What one notebook alone uses."""
