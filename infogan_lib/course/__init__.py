"""What the course needs around its lessons: exercises, the clinic, tables of results, progress."""
