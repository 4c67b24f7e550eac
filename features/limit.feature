Feature: A limit on a level is one on all levels inside it
  The kernel counts what a level does for every level above it, too. So a limit
  that the host's LXD sets on level 1 binds the processes of level 3, of which that
  LXD knows nothing, and so does one that the LXD inside level 1 sets on level 2.
  All of this is set on levels that run.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"
    And a chain of depth 3 in which every level delegates what the levels below it need

  Rule: Beyond a limit on memory a process of level 3 is killed, and nothing else is

    Scenario: Without a limit level 3 takes 400 MB
      When level 3 allocates 400 MB of memory
      Then it succeeds

    Scenario Outline: A limit of 300 MB at level <level> ends a process of level 3 that takes 400
      Given the configuration of level <level> has been changed to
        | key           | value  |
        | limits.memory | 300MiB |
      When level 3 allocates 400 MB of memory
      Then the out-of-memory killer has killed that process of level 3 and no other process
      And every level has kept running
      And the LXD inside every level answers

      Examples:
        | level |
        | 1     |
        | 2     |

    Scenario: A level can be given more than the level around it has, and gets no more
      Given the configuration of level 1 has been changed to
        | key           | value  |
        | limits.memory | 300MiB |
      And the configuration of level 2 has been changed to
        | key           | value  |
        | limits.memory | 900MiB |
      When level 3 allocates 400 MB of memory
      Then the out-of-memory killer has killed that process of level 3 and no other process
      And every level has kept running

    @known-bug
    Scenario: A limit that is taken away again leaves nothing behind
      Given the configuration of level 1 has been changed to
        | key           | value  |
        | limits.memory | 300MiB |
      And the configuration of level 1 has been changed to
        | key           | value |
        | limits.memory |       |
      When level 3 allocates 400 MB of memory
      Then it succeeds

    @requires-debian @requires-private-host
    Scenario: The LXD of Debian 12 leaves nothing of it behind
      Given the levels run the bundles
        | level | bundle          |
        | 0     | debian:bookworm |
      And the configuration of level 1 has been changed to
        | key           | value  |
        | limits.memory | 300MiB |
      And the configuration of level 1 has been changed to
        | key           | value |
        | limits.memory |       |
      When level 3 allocates 400 MB of memory
      Then it succeeds

    @on-cgroup2 @requires-debian @requires-private-host
    Scenario: That of Debian 13 leaves level 1 no memory at all
      Without a limit it reckons with -1 bytes, and sets nine tenths of it, which is 0, as the bound
      from which on the kernel throttles (LXD until pull request 13192: driver_lxc.go, Update).

      Given the levels run the bundles
        | level | bundle        |
        | 0     | debian:trixie |
      And the configuration of level 1 has been changed to
        | key           | value  |
        | limits.memory | 300MiB |
      When the configuration of level 1 is changed to
        | key           | value |
        | limits.memory |       |
      Then the kernel throttles level 1 above 0 bytes of memory

  Rule: A percentage is one of the machine, at whatever level
    LXD asks /proc/meminfo, which without lxcfs tells of the machine at every level, and
    takes its kB for 1000 bytes: what it calls half is a bit less (LXD and Incus:
    DeviceTotalMemory, units.ParseByteSizeString).

    Scenario: Half of the memory at level 2 is more than level 1 has
      Given the configuration of level 1 has been changed to
        | key           | value  |
        | limits.memory | 300MiB |
      When the configuration of level 2 is changed to
        | key           | value |
        | limits.memory | 50%   |
      Then the memory limit of level 2 is half of the machine's memory

  Rule: Beyond a limit on processes level 3 starts no more of them, and all levels live on

    Scenario: Without a limit level 3 starts 200 processes
      When level 3 starts 200 processes
      Then it succeeds

    Scenario Outline: A limit of 150 processes at level <level> is too little for 200 at level 3
      Given the configuration of level <level> has been changed to
        | key              | value |
        | limits.processes | 150   |
      When level 3 starts 200 processes
      Then the kernel refuses to start more processes
      And every level has kept running
      And the LXD inside every level answers

      Examples:
        | level |
        | 1     |
        | 2     |

  # Beside others it might not get what it is held back from.
  @exclusive
  Rule: A share of the processors holds back the level that has it, with all that is inside

    @requires-speed
    Scenario Outline: Level 3 computes, and level <level> has a fifth of a processor
      Given the configuration of level <level> has been changed to
        | key                  | value      |
        | limits.cpu.allowance | 20ms/100ms |
      When level 3 uses a processor continuously
      Then the kernel has throttled level <level> by its own limit, and no other level

      Examples:
        | level |
        | 1     |
        | 2     |

    Scenario: Level 1 is given less than it has given level 2
      # On v1 a share of a cgroup must have room for every share below it (kernel/sched/core.c, tg_cfs_schedulable_down).
      Given the configuration of level 2 has been changed to
        | key                  | value      |
        | limits.cpu.allowance | 50ms/100ms |
      When the configuration of level 1 is changed to
        | key                  | value      |
        | limits.cpu.allowance | 10ms/100ms |
      Then LXD refuses the change on cgroup v1 and accepts it on cgroup v2

  Rule: Level 1 hands on the processors that it has when its first container starts
    (canonical/lxd issue 7441)

    Scenario: A level that is made with one processor has none but that for the levels inside
      Given an LXD host whose root allocation is "root:500000:196608"
      And the configuration of level 1 is
        | key        | value |
        | limits.cpu | 1     |
      And /etc/subuid of level 1 reads
        """
        root:65536:131072
        """
      And /etc/subgid of level 1 reads
        """
        root:65536:131072
        """
      And /etc/subuid of level 2 reads
        """
        root:65536:65536
        """
      And /etc/subgid of level 2 reads
        """
        root:65536:65536
        """
      And a chain of depth 3 as described
      Then level 2 has one processor, the same as level 1
      And level 3 has one processor, the same as level 1

    @requires-private-host
    Scenario: From a level with others inside LXD can take no processor, and says so only in its log
      When the configuration of level 1 is changed to
        | key        | value |
        | limits.cpu | 1     |
      Then level 3 keeps its processors on cgroup v1 and has one left on cgroup v2

  @on-cgroup2
  Rule: Every level has the controllers that the level around it has, to hand them on

    Scenario: The controllers that limits are made with arrive at level 3
      Then every level has the cgroup controllers "cpuset, cpu, memory, pids"
