Feature: File capabilities on their way down
  A program in an image may carry capabilities, as ping and newuidmap do on many
  systems. A LXD inside a container gives the files of its containers new owners
  one by one, and a change of owner takes capabilities away, so it must write them
  again, for the root of the container. Whether it can, it tries at its start, with
  the root id 1000000. Where its container has no such id the trial fails, and the
  capabilities are dropped without a word. (LXD and Incus:
  shared/idmap/shift_linux.go, set_dummy_fs_ns_caps.)

  Rule: A level keeps its image's capabilities if the level above has id 1000000

    Scenario: The host has every id, so level 1 keeps them; the article's level 1 has not, so levels 2 and 3 lose them
      Given an LXD host whose root allocation is "root:500000:196608"
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then all 3 levels are up
      And the file capability of the image arrives at level 1
      And the file capability of the image is lost at level 2
      And the file capability of the image is lost at level 3

    Scenario: A level 1 with more than a million ids hands them on, a smaller level 2 does not
      Given an LXD host whose root allocation is "root:2000000:1131073"
      When a chain of depth 3 is built with the delegations
        | level | allocation         |
        | 1     | root:65536:1000000 |
        | 2     | root:65536:65536   |
      Then all 3 levels are up
      And the file capability of the image arrives at level 2
      And the file capability of the image is lost at level 3
