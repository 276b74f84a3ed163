"""What Redis alone holds: messages, presence, attendance."""
