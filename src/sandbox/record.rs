//! What the child side tells the parent side: fixed records of eight bytes, and the names of the
//! steps they speak of. Pure; both sides import it.

macro_rules! stages {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// A step of building a sandbox, in order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Stage { $(#[doc = $name] $variant,)* }

        impl Stage {
            const ALL: &'static [Stage] = &[$(Stage::$variant),*];

            /// The name used in reports and messages.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Stage::$variant => $name),* }
            }
        }
    };
}

stages! {
    Network "network namespace",
    Clone "clone",
    IdMap "id map",
    Cgroup "cgroup",
    Start "start",
    Ids "ids",
    ParentDeath "parent death signal",
    CgroupNamespace "cgroup namespace",
    Scratch "scratch",
    LateMounts "late mounts",
    Proc "proc",
    HostName "host name",
    Loopback "loopback",
    ProxySocket "proxy socket",
    Session "session",
    Scheduling "scheduling",
    Rlimits "rlimits",
    Undumpable "undumpable",
    Fork "fork",
    Join "join namespaces",
    Descriptors "descriptors",
    Capabilities "capabilities",
    NoNewPrivs "no_new_privs",
    Landlock "landlock",
    ExecGate "exec gate",
    Seccomp "seccomp",
    Exec "exec",
    InitSeal "init seal",
}

/// One message of the child side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// A step failed and the sandbox is given up; the value is the errno.
    Failed(Stage, i32),
    /// A step failed that the plan allows to fail; the value is the errno.
    Missing(Stage, i32),
    /// The launcher's new child with this process id is init.
    Init(i32),
    /// The guest has this process id, in the launcher's own pid namespace.
    Guest(i32),
    /// A descriptor comes with this record: the listener of the exec gate.
    Gate,
    /// A descriptor comes with this record: the listening socket of the proxy.
    Proxy,
    /// A descriptor comes with this record: the root of the scratch file system.
    Scratch,
    /// Every wall stands, and the interpreter has been started.
    Sealed,
    /// The interpreter ended with this exit code.
    Exited(i32),
    /// The interpreter is about to end with this exit code, and held at that until it is let go on.
    Exiting(i32),
    /// The interpreter was ended by this signal.
    Signaled(i32),
    /// Attempts to start a program were refused: told at the first, and at the end how many.
    ExecRefused(i32),
}

impl Record {
    /// Length on the wire, in bytes.
    pub const SIZE: usize = 8;

    /// The record's bytes.
    #[must_use]
    pub fn encode(self) -> [u8; Self::SIZE] {
        let (kind, stage, value) = match self {
            Self::Failed(stage, errno) => (1, stage as u8, errno),
            Self::Missing(stage, errno) => (2, stage as u8, errno),
            Self::Gate => (3, 0, 0),
            Self::Proxy => (4, 0, 0),
            Self::Sealed => (5, 0, 0),
            Self::Exited(code) => (6, 0, code),
            Self::Signaled(signal) => (7, 0, signal),
            Self::ExecRefused(count) => (8, 0, count),
            Self::Scratch => (9, 0, 0),
            Self::Init(pid) => (10, 0, pid),
            Self::Guest(pid) => (11, 0, pid),
            Self::Exiting(code) => (12, 0, code),
        };
        let value = value.to_le_bytes();
        [kind, stage, 0, 0, value[0], value[1], value[2], value[3]]
    }

    /// Reads a record; `None` for anything that isn't one.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let [kind, stage, 0, 0, value @ ..] = bytes else { return None };
        let value = i32::from_le_bytes(value.try_into().ok()?);
        let stage = Stage::ALL.get(usize::from(*stage)).copied();
        let record = match kind {
            1 => Self::Failed(stage?, value),
            2 => Self::Missing(stage?, value),
            3 => Self::Gate,
            4 => Self::Proxy,
            5 => Self::Sealed,
            6 => Self::Exited(value),
            7 => Self::Signaled(value),
            8 => Self::ExecRefused(value),
            9 => Self::Scratch,
            10 => Self::Init(value),
            11 => Self::Guest(value),
            12 => Self::Exiting(value),
            _ => return None,
        };
        // What has bytes that mean nothing is no record of ours.
        (record.encode() == *bytes).then_some(record)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_stage_survives_the_wire() {
        for stage in Stage::ALL {
            let record = Record::Failed(*stage, 13);
            assert_eq!(Record::decode(&record.encode()), Some(record));
        }
        for record in [Record::Gate, Record::Proxy, Record::Sealed, Record::Exited(-1)] {
            assert_eq!(Record::decode(&record.encode()), Some(record));
        }
    }

    #[test]
    fn a_record_has_one_form() {
        assert_eq!(Record::decode(&[3, 0, 0, 0, 0, 0, 0, 0]), Some(Record::Gate));
        assert_eq!(Record::decode(&[3, 0, 0, 0, 1, 0, 0, 0]), None);
        assert_eq!(Record::decode(&[6, 2, 0, 0, 1, 0, 0, 0]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..16)) {
            if let Some(record) = Record::decode(&bytes) {
                prop_assert_eq!(record.encode().to_vec(), bytes);
            }
        }
    }
}
