//! What a credential may do, and what a route asks for.

crate::names! {
    /// What a credential may do.
    pub enum Permission {
        Recall = "recall",
        Remember = "remember",
        Modify = "modify",
        Forget = "forget",
        Recover = "recover",
        Documents = "documents",
        Connectors = "connectors",
        Diagnostics = "diagnostics",
        Analytics = "analytics",
        Admin = "admin",
    }
}

/// What a route asks of its caller. Every route declares one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing, in any mode.
    Open,
    /// Any valid credential.
    Credential,
    Needs(Permission),
}

impl Access {
    /// As the route table shows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Access::Open => "open",
            Access::Credential => "any",
            Access::Needs(permission) => permission.as_str(),
        }
    }
}

crate::names! {
    /// What a credential may be; each role has its permissions.
    pub enum Role {
        Admin = "admin",
        Operator = "operator",
        Agent = "agent",
        Readonly = "readonly",
    }
}

impl Role {
    pub fn may(self, permission: Permission) -> bool {
        use Permission::{Admin, Analytics, Connectors, Diagnostics, Recall};
        match self {
            Role::Admin => true,
            Role::Operator => permission != Admin,
            Role::Agent => !matches!(permission, Connectors | Diagnostics | Analytics | Admin),
            Role::Readonly => permission == Recall,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_the_permissions_of_the_contract() {
        let table = [
            (Role::Admin, "recall remember modify forget recover documents connectors diagnostics analytics admin"),
            (Role::Operator, "recall remember modify forget recover documents connectors diagnostics analytics"),
            (Role::Agent, "recall remember modify forget recover documents"),
            (Role::Readonly, "recall"),
        ];
        for (role, names) in table {
            let may: Vec<&str> = Permission::ALL.into_iter().filter(|p| role.may(*p)).map(Permission::as_str).collect();
            assert_eq!(may.join(" "), names);
        }
    }
}
