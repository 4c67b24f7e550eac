Feature: My nested containers
  State here what must be true of your containers. "nestbed steps" lists all sentences.

  # Three levels of 65536 ids each.
  Scenario: The allocation reaches three levels
    Given an LXD host whose root allocation is "root:1000000:196608"
    When a chain of depth 3 is built in which every level delegates what the levels below it need
    Then all 3 levels are up
    And the uid and gid maps are
      | level | inside | parent  | host    | count  |
      | 1     | 0      | 1000000 | 1000000 | 196608 |
      | 2     | 0      | 65536   | 1065536 | 131072 |
      | 3     | 0      | 65536   | 1131072 | 65536  |

  # What must fail is stated as well: at which level, in which operation, and why.
  Scenario: The allocation does not reach a fourth level
    Given an LXD host whose root allocation is "root:1000000:196608"
    And the root allocation of level 1 is "root:65536:131072"
    And the root allocation of level 2 is "root:65536:65536"
    When a chain of depth 4 is built as described
    Then the build stops at level 4 in operation "create" for the reason "no allocation"
    And the levels above it are still up
