//! What a deployment would change.

use serde_json::Value;

use crate::diagnostic::Span;

/// Something that a deployment would do to one resource.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    pub logical_id: String,
    /// What there is now; nothing for what would be added.
    pub physical_id: Option<String>,
    /// The resource type without `AWS::`.
    pub kind: String,
    /// The nested stack that it belongs to.
    pub stack: Option<String>,
    pub action: Action,
    /// Whether what is there now stays when the stack no longer has it.
    pub kept: bool,
    /// What is gone with it.
    pub holds: Option<Holding>,
    pub service: Option<String>,
    /// Where in the Compose file it comes from.
    pub span: Span,
    pub properties: Vec<Property>,
    /// Whether `rollback` has taken it back since the last deployment, whose definition takes over again.
    pub rolled_back: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Action {
    Add,
    Modify,
    /// Whether it is replaced depends on what is known only while it is done.
    MayReplace,
    Replace,
    Remove,
}

/// What a resource of some types holds, and another resource in its place does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holding {
    Data,
    Address,
}

/// A property that changes; what it is set to is only told where it is known.
#[derive(Clone, PartialEq, Debug)]
pub struct Property {
    /// As in `ContainerDefinitions[web].Cpu`.
    pub path: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
    /// The resource or the Parameter that it follows.
    pub follows: Option<String>,
}

impl Change {
    /// What would be lost, if that is something that nobody can bring back.
    #[must_use]
    pub fn loss(&self) -> Option<String> {
        let holds = self.holds?;
        let will = if self.action == Action::MayReplace {
            "may"
        } else {
            "would"
        };
        let old = self.physical_id.as_deref().unwrap_or("the old one");
        Some(match (self.action, holds, self.kept) {
            (Action::Add | Action::Modify, ..) | (Action::Remove, _, true) => return None,
            (Action::Remove, Holding::Data, false) => "would be deleted, and its data with it".to_owned(),
            (Action::Remove, Holding::Address, false) => "would be deleted, and its address with it".to_owned(),
            (_, Holding::Data, true) => format!("{will} be replaced by an empty one; {old} is kept, with its data"),
            (_, Holding::Data, false) => format!("{will} be replaced by an empty one, and its data lost"),
            (_, Holding::Address, _) => format!("{will} be replaced, and another address take the place of its own"),
        })
    }
}
