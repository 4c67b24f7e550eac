Feature: Files are pulled out of a level
  The LXD above reads a file of a level, as lxc file pull does, with the owner, the mode and
  the content that the level sees. The level may be running or stopped.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  Scenario Outline: A file is pulled from <state> level <level> with its owner and its mode
    Given a chain of depth <level> in which every level delegates what the levels below it need
    When a file of user 1000 and group 1001 with mode 640 is pulled from the <state> level <level>
    Then the pulled file belongs to user 1000 and group 1001 and has mode 640

    Examples:
      | state   | level |
      | running | 1     |
      | running | 2     |
      | running | 3     |
      | stopped | 1     |
      | stopped | 2     |
      | stopped | 3     |

  Scenario: A file of the level's last id is pulled
    Given a chain of depth 3 in which every level delegates what the levels below it need
    When a file of user 65535 and group 65535 with mode 600 is pulled from the running level 3
    Then the pulled file belongs to user 65535 and group 65535 and has mode 600

  Scenario: A directory is pulled as the list of its files
    Given a chain of depth 3 in which every level delegates what the levels below it need
    When a directory with the files "a" and "b" is pulled from level 3
    Then the pulled directory has the files "a" and "b"

  Rule: A pull loses a part of what a file is

    Scenario: The set-user-id bit is lost
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When a file of user 1000 and group 1001 with mode 4750 is pulled from the running level 2
      Then the pulled file belongs to user 1000 and group 1001 and has mode 750

    Scenario: A relative symlink becomes an absolute one
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When a symlink to "file" is pulled from level 2
      Then the pulled symlink leads to "/srv/pulled/file"
