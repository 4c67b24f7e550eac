Feature: Deeper chains
  The rule also holds beyond three levels: a chain of depth n needs n blocks of 65536
  ids on the host, and every level starts one block after the level above.

  Rule: Every level starts one block after the level that made it

    Scenario: Depth 4 needs four blocks
      Given an LXD host whose root allocation is "root:500000:262144"
      When a chain of depth 4 is built in which every level delegates what the levels below it need
      Then all 4 levels are up
      And the uid and gid maps are
        | level | inside | parent | host   | count  |
        | 1     | 0      | 500000 | 500000 | 262144 |
        | 2     | 0      | 65536  | 565536 | 196608 |
        | 3     | 0      | 65536  | 631072 | 131072 |
        | 4     | 0      | 65536  | 696608 | 65536  |
      And every level is unprivileged
      And files made at every level belong to the host ids of that level

    Scenario: Depth 8 needs eight blocks
      Given an LXD host whose root allocation is "root:1000000:524288"
      When a chain of depth 8 is built in which every level delegates what the levels below it need
      Then all 8 levels are up
      And the uid and gid maps are
        | level | inside | parent  | host    | count  |
        | 1     | 0      | 1000000 | 1000000 | 524288 |
        | 2     | 0      | 65536   | 1065536 | 458752 |
        | 3     | 0      | 65536   | 1131072 | 393216 |
        | 4     | 0      | 65536   | 1196608 | 327680 |
        | 5     | 0      | 65536   | 1262144 | 262144 |
        | 6     | 0      | 65536   | 1327680 | 196608 |
        | 7     | 0      | 65536   | 1393216 | 131072 |
        | 8     | 0      | 65536   | 1458752 | 65536  |
      And every level is unprivileged
      And the LXD inside every level answers
      And processes at every level run under the host ids of that level
      And files made at every level belong to the host ids of that level
      And at every level the last id can own a file and the next one cannot
      And the sentinel of the image arrives at every level with its owner and ACL

    @requires-speed
    Scenario: Depth 16 needs sixteen blocks
      Given an LXD host whose root allocation is "root:1000000:1048576"
      When a chain of depth 16 is built in which every level delegates what the levels below it need
      Then all 16 levels are up
      And every level has the planned ids
      And every level is unprivileged
      And root at level 16 is id 1983040 on the host
      And processes at every level run under the host ids of that level
      And files made at every level belong to the host ids of that level
      And at every level the last id can own a file and the next one cannot

  Rule: The kernel nests at most 32 pid namespaces, including the host's own
    LXD gives every container a pid namespace and a user namespace. The kernel nests at
    most 32 pid namespaces (kernel/pid_namespace.c, MAX_PID_NS_LEVEL) and 33 user
    namespaces, so pid namespaces run out first: at level 33, or at level 32 if the host
    has its own pid namespace. If the suite itself runs in a container, the limit is lower.

    @slow @requires-speed
    Scenario: The kernel's depth limit stops the chain although there are ids left
      Given an LXD host whose root allocation is "root:1000000:2162688"
      And the host shares the machine's pid namespace
      When a chain of depth 33 is built in which every level delegates what the levels below it need
      Then the build stops at the first level that the kernel has no room for
      And the levels above it are still up
      And every level has the planned ids
      And root at level 30 is id 2900544 on the host

    @slow @requires-speed
    Scenario: The host's own pid namespace takes the place of a level
      Given an LXD host whose root allocation is "root:1000000:2097152"
      When a chain of depth 32 is built in which every level delegates what the levels below it need
      Then the build stops at the first level that the kernel has no room for
      And the levels above it are still up
      And every level has the planned ids
