"""What people look at before a message goes out: as whom, in which language, and in a copy that can do nothing."""
