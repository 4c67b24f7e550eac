Feature: What a project does not allow is the reason that a level is not made
  A LXD that several people use has projects with restrictions and limits. What those
  refuse is told from what ids and kernels refuse, at the level that it concerns.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  Rule: A restricted project lets no container nest, unless it is said

    Scenario: Level 2, which level 3 shall be in, is refused
      Given the project of level 1 has the configuration
        | key        | value |
        | restricted | true  |
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "create" for the reason "forbidden by the project"
      And the levels above it are still up

    @requires-private-host
    Scenario: Level 1, which level 2 shall be in, is refused
      Given the project of the host has the configuration
        | key        | value |
        | restricted | true  |
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 1 in operation "create" for the reason "forbidden by the project"

    Scenario: The last level, which none shall be in, is made
      Given the project of level 1 has the configuration
        | key        | value |
        | restricted | true  |
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up

    Scenario: Where nesting is allowed, so is level 2
      Given the project of level 1 has the configuration
        | key                            | value |
        | restricted                     | true  |
        | restricted.containers.nesting  | allow |
        | restricted.containers.lowlevel  | allow |
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then all 3 levels are up

    Scenario: A privileged level is refused
      Given the project of level 1 has the configuration
        | key        | value |
        | restricted | true  |
      And level 2 is privileged
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "create" for the reason "forbidden by the project"

  Rule: A project that has as much as it may have gets no more

    Scenario Outline: <limit>=<value> leaves no room for level 2
      Given the project of level 1 has the configuration
        | key     | value   |
        | <limit> | <value> |
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "create" for the reason "limit of the project"

      Examples:
        | limit             | value |
        | limits.instances  | 0     |
        | limits.containers | 0     |

    Scenario Outline: <limit>=<value> is less than level 2 asks for
      Given the project of level 1 has the configuration
        | key     | value   |
        | <limit> | <value> |
      And the configuration of level 2 is
        | key     | value   |
        | <limit> | <asked> |
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "create" for the reason "limit of the project"

      Examples:
        | limit            | value  | asked  |
        | limits.memory    | 200MiB | 201MiB |
        | limits.processes | 500    | 501    |

    Scenario Outline: Where <limit> is limited, level 2 has to say what it takes
      Given the project of level 1 has the configuration
        | key     | value |
        | <limit> | 1GiB  |
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "create" for the reason "limit of the project"

      Examples:
        | limit         |
        | limits.memory |
        | limits.disk   |
