"""What is only in Redis: messages, presence, attendance."""
