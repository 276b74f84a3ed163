"""What Mico adds to the vendor's time under live speech, what that costs, and how much it carries. See README.md."""
