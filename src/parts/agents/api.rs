//! What the routes of agents take and answer.

use crate::config::PolicyName;
use crate::http::input::{Name, OnlyTrue, Text, Worded};
use crate::{answer, input};

input! {
    /// A new agent of the roster.
    pub struct NewAgent in Body {
        /// The id, 200 printable characters at most.
        name: Name = "name";
        /// Whose rows it may read: its own, everybody's global ones, or those of its group.
        read_policy: Worded<PolicyName> = "read_policy" | "readPolicy", default Worded(PolicyName::Isolated);
        /// The group of the policy `group`.
        policy_group: Option<Text> = "policy_group" | "policyGroup";
    }
}

input! {
    /// How an agent is removed.
    pub struct Removal in Query {
        /// `true`: its memories go for good; else they are archived, out of everybody's sight.
        purge: OnlyTrue = "purge";
    }
}

answer! {
    /// One agent of the roster.
    pub struct Agent {
        /// The id by which requests name it.
        pub id: String = "id";
        pub name: Option<String> = "name";
        /// `isolated`, `shared` or `group`.
        pub read_policy: String = "read_policy";
        pub policy_group: Option<String> = "policy_group";
        pub created_at: String = "created_at";
        /// When it was last changed or wrote something.
        pub updated_at: String = "updated_at";
    }
}

answer! {
    /// The roster.
    pub struct AgentList {
        /// By name, 5,000 at most.
        pub agents: Vec<Agent> = "agents";
    }
}

answer! {
    /// An agent was removed.
    pub struct Removed {
        pub success: bool = "success";
        pub purged: bool = "purged";
    }
}
