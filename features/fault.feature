Feature: A fault during a build is found at its level and in time
  If something happens to an LXD, a disk or an image, the build stops at that level and
  in that operation, with a specific reason, and within the time limit of the operation.
  The levels above and all other chains are not affected.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  Rule: If an LXD is killed, only its current operation fails

    @requires-root
    Scenario Outline: The LXD of level 2 is killed during operation <operation>
      Given the LXD of level 2 is killed during operation "<operation>" for the level below
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then the build stops at level 3 in operation "<operation>" for the reason "LXD does not run"

      Examples:
        | operation |
        | create    |
        | start     |

    @requires-root
    Scenario Outline: The build is resumed after the LXD of level 2 was killed during operation <operation>
      Given the LXD of level 2 is killed during operation "<operation>" for the level below
      And a chain of depth 3 in which every level delegates what the levels below it need
      When the build is resumed at the level where it stopped
      Then all 3 levels are up
      And every level is unprivileged

      Examples:
        | operation |
        | create    |
        | start     |

  Rule: An LXD that cannot start is distinguished from a slow one

    @requires-root
    Scenario: Half of the database of level 1 is lost
      Given the LXD of level 1 loses half of its database before operation "storage" for the level below
      And every wait is limited to a tenth of its normal time
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "storage" for the reason "LXD does not run"

    @requires-private-host
    Scenario: Level 1 has too little memory for its LXD
      Given level 1 has 12 MB of memory, which is too little for its LXD
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 1 in operation "ready" for the reason "LXD does not run"

    @requires-root
    Scenario Outline: The program <program> is missing at level 2, whose LXD does not start without it
      Given the program <program> is missing at level 2
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "ready" for the reason "LXD does not run"
      And the levels above it are still up

      Examples:
        | program |
        | tar     |
        | rsync   |

    @requires-tools @requires-private-host
    Scenario Outline: The program <program> is missing at level 1, whose LXD makes no bridge without it
      Given dnsmasq is installed on the host and at every level
      And every level is connected to a bridge of the LXD above
      And the program <program> is missing at level 1
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "network" for the reason "program missing"
      And the levels above it are still up

      Examples:
        | program |
        | dnsmasq |
        | nft     |

    @requires-root
    Scenario: The LXD program is truncated at level 2
      Given the program lxd is truncated to half at level 2
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "ready" for the reason "LXD does not run"
      And the levels above it are still up

  Rule: The wait for an LXD that does not answer ends with the time limit of the operation

    @requires-root
    Scenario Outline: The LXD of level 1 stops responding before operation <operation>
      Given the LXD of level 1 stops responding before operation "<operation>" for the level below
      And every wait is limited to a tenth of its normal time
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "<operation>" for the reason "timed out"

      Examples:
        | operation |
        | storage   |
        | create    |
        | start     |

  @requires-private-host
  Rule: A full disk is reported at the first operation that writes much data
    Making a pool still works: it only adds a directory and a row in the database, which
    has preallocated space.

    Scenario Outline: The disk fills up before operation <operation> of level <level>
      Given the host's disk fills up before operation "<operation>" of level <level>
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level <at> in operation "<in>" for the reason "disk full"
      And the levels above it are still up

      Examples:
        | operation | level | at | in     |
        | storage   | 1     | 1  | import |
        | import    | 1     | 1  | import |
        | create    | 1     | 1  | create |
        | start     | 1     | 1  | start  |
        | storage   | 2     | 2  | import |
        | import    | 2     | 2  | import |
        | create    | 2     | 2  | create |
        | start     | 2     | 2  | start  |
