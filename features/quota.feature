@requires-private-host
Feature: Quotas that containers take from each other
  The kernel gives each user only some keys, inotify instances and pending signals. Whose are
  counted together depends on ids for keys, and on who made the user namespace for the others.

  Rule: Kernel keys are counted for each id of the host
    Every container takes a key for its keyring, and so does every container that runc or crun
    starts in it. 200 are the default for each id (kernel.keys.maxkeys; Linux: security/keys/key.c,
    key_alloc). Public reports: canonical/lxd#5614, moby/moby#38454.

    Scenario: Level 1 takes every kernel key, and a sibling with the same ids gets none
      Given an LXD host whose root allocation is "root:300000000:65536"
      And these siblings at level 1
        | sibling | isolated | size | base |
        | A       | no       |      |      |
      And a chain of depth 1 in which every level delegates what the levels below it need
      When root of level 1 takes every kernel key that it can get
      Then root of sibling A at level 1 does not get a kernel key

    Scenario: Level 1 takes every kernel key, and an isolated sibling still gets one
      Given an LXD host whose root allocation is "root:310000000:196609"
      And these siblings at level 1
        | sibling | isolated | size | base |
        | B       | yes      |      |      |
      And a chain of depth 1 in which every level delegates what the levels below it need
      When root of level 1 takes every kernel key that it can get
      Then root of sibling B at level 1 gets a kernel key

  Rule: Inotify instances are counted for the user who made the user namespace, isolated or not
    Each instance counts in every user namespace above, for the user who made the namespace below
    (Linux: kernel/ucount.c, inc_ucount). For LXD that is root, whatever ids it gives the container.

    Scenario: Level 2 takes every inotify instance of level 1, and an isolated sibling gets none
      Given an LXD host whose root allocation is "root:320000000:327680"
      And the root allocation of level 1 is "root:65536:196609"
      And these siblings at level 2
        | sibling | isolated | size | base |
        | B       | yes      |      |      |
      And a chain of depth 2 as described
      And level 1 allows 30 inotify instances
      When root of level 2 takes every inotify instance that it can get
      Then root of sibling B at level 2 does not get an inotify instance

  Rule: Pending signals are counted like inotify instances
    A real-time signal that waits for its process counts in every user namespace above, for the
    user who made the namespace below, up to that user's limit at that moment (Linux:
    kernel/ucount.c, inc_rlimit_get_ucounts). Processes of level 1 inherit limits.kernel.sigpending.

    Scenario: Level 2 takes every pending signal of level 1, and an isolated sibling gets none
      Given an LXD host whose root allocation is "root:330000000:327680"
      And the root allocation of level 1 is "root:65536:196609"
      And the configuration of level 1 is
        | key                      | value |
        | limits.kernel.sigpending | 1000  |
      And these siblings at level 2
        | sibling | isolated | size | base |
        | B       | yes      |      |      |
      And a chain of depth 2 as described
      When root of level 2 takes every pending signal that it can get
      Then root of sibling B at level 2 does not get a pending signal

    Scenario: Level 2 takes every pending signal of level 1, and a sibling of level 1 gets one
      Given an LXD host whose root allocation is "root:330000000:131072"
      And the configuration of level 1 is
        | key                      | value |
        | limits.kernel.sigpending | 1000  |
      And these siblings at level 1
        | sibling | isolated | size | base |
        | A       | no       |      |      |
      And a chain of depth 2 in which every level delegates what the levels below it need
      When root of level 2 takes every pending signal that it can get
      Then root of sibling A at level 1 gets a pending signal
