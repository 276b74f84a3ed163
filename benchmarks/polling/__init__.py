"""Poll schedules in virtual time: Mico's against simpler ones and against the optimum. See README.md."""
