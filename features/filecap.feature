Feature: File capabilities in nested levels
  A program in an image may have file capabilities, like ping and newuidmap on many
  systems. An LXD inside a container changes the owner of each file of its containers,
  and a change of owner removes the capabilities. So LXD must write them again, for the
  root of the new container. When LXD starts, it tests with the root id 1000000 whether
  it can. If its own container does not have that id, the test fails, and LXD silently
  drops the capabilities. (LXD and Incus: shared/idmap/shift_linux.go,
  set_dummy_fs_ns_caps.)

  Rule: A level keeps the capabilities of its image if the level above has id 1000000

    Scenario: The host has id 1000000, so level 1 keeps them; levels 1 and 2 do not have it, so levels 2 and 3 lose them
      Given an LXD host whose root allocation is "root:500000:196608"
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then all 3 levels are up
      And the file capability of the image arrives at level 1
      And the file capability of the image is lost at level 2
      And the file capability of the image is lost at level 3

    Scenario: Level 1 has more than a million ids, so level 2 keeps them; level 2 has fewer, so level 3 loses them
      Given an LXD host whose root allocation is "root:2000000:1131073"
      When a chain of depth 3 is built with the delegations
        | level | allocation         |
        | 1     | root:65536:1000000 |
        | 2     | root:65536:65536   |
      Then all 3 levels are up
      And the file capability of the image arrives at level 2
      And the file capability of the image is lost at level 3
