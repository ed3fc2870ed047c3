//! What a report is made of, for `serde`: structures of plain data, with names and texts as a person reads them.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::{ActorSnapshot, Snapshot};
use crate::{ActorId, Failure, Identity, Ledger, ShutdownReport, Status, StopReason};

/// Writes each field under its name.
macro_rules! fields {
    ($serializer:expr, $name:literal, $($field:literal: $value:expr),* $(,)?) => {{
        let mut fields = $serializer.serialize_struct($name, [$($field),*].len())?;
        $(fields.serialize_field($field, $value)?;)*
        fields.end()
    }};
}

impl Serialize for ActorId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.get())
    }
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "Identity", "id": &self.id(), "kind": self.kind(), "name": &self.name())
    }
}

/// As its text: `running`.
impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Ledger {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "Ledger",
            "accepted": &self.accepted,
            "handled": &self.handled,
            "dead": &self.dead,
            "returned": &self.returned,
            "queued": &self.queued,
            "stashed": &self.stashed,
            "in_flight": &self.in_flight,
        )
    }
}

/// Step and cause as texts: a cause may hold any error.
impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "Failure",
            "actor": self.identity(),
            "step": &self.step().to_string(),
            "cause": &self.cause().to_string(),
        )
    }
}

/// As its text: `was killed`.
impl Serialize for StopReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "Snapshot",
            "system": &*self.system, "actors": &self.actors, "ledger": &self.ledger)
    }
}

impl Serialize for ActorSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "ActorSnapshot",
            "identity": &self.identity,
            "status": &self.status,
            "depth": &self.depth,
            "capacity": &self.capacity,
            "ledger": &self.ledger,
            "restarts": &self.restarts,
            "last_failure": &self.last_failure,
            "children": &self.children,
        )
    }
}

impl Serialize for ShutdownReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "ShutdownReport",
            "stopped": &self.stopped,
            "killed": &self.killed,
            "detached": &self.detached,
            "ledger": &self.ledger,
        )
    }
}
