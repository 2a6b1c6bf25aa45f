//! Who may do what, and where: roles, permissions and the scope of a grant. Deny unless granted; the tables below are
//! the whole rule.

use crate::ids::{BranchId, RegionId};
use alloc::{string::String, vec::Vec};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};

macro_rules! names {
    ($(#[$doc:meta])* $kind:ident { $($(#[$item_doc:meta])* $variant:ident = $name:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $kind { $($(#[$item_doc])* $variant),* }

        impl $kind {
            /// Every value, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The stable name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl FromStr for $kind {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(alloc::format!("unknown {}: {text}", stringify!($kind))),
                }
            }
        }
    };
}

names! {
    /// What a person is in an organization.
    Role {
        /// Fills checklists in the field.
        Auditor = "auditor",
        /// Reviews evidence, returns, approves.
        Reviewer = "reviewer",
        /// Owns checklists, programmes, waves, assignments, branches, targets.
        ProgrammeManager = "programme_manager",
        /// Reads the published results of one branch.
        BranchManager = "branch_manager",
        /// Calculates incentives.
        HrAnalyst = "hr_analyst",
        /// Approves and locks incentives; never what the same person calculated.
        HrApprover = "hr_approver",
        /// Owns users, devices, keys.
        Admin = "admin",
        /// Reads figures, without names of auditors and staff.
        Analyst = "analyst",
        /// Handles reports of incidents, of the whole organization; nobody who manages a branch.
        IncidentCustodian = "incident_custodian",
    }
}

names! {
    /// One thing that a role may do.
    Permission {
        /// Users, roles, enrolment codes, devices.
        ManageUsers = "manage_users",
        /// Regions, branches, staff.
        ManageReference = "manage_reference",
        /// Checklists, standards and plans.
        ManageContent = "manage_content",
        /// Programmes, waves, assignments.
        ManageProgrammes = "manage_programmes",
        /// Own assignments and audits, through a device.
        FieldWork = "field_work",
        /// Any visit in scope, at any state, with its evidence.
        ReadVisits = "read_visits",
        /// Published visits in scope.
        ReadPublishedVisits = "read_published_visits",
        /// Who the auditor of a visit was.
        SeeAuditors = "see_auditors",
        /// Claim, return, approve, reject, publish.
        ReviewVisits = "review_visits",
        /// Question published visits to a branch in scope, and write on it; never decide.
        AppealVisits = "appeal_visits",
        /// Takes personal data out of visits for good.
        RedactVisits = "redact_visits",
        /// KPI observations.
        EnterKpis = "enter_kpis",
        /// Standard assessments.
        AssessStandard = "assess_standard",
        /// Branch and network scorecards.
        ReadScorecards = "read_scorecards",
        /// Create and calculate payout runs.
        CalculatePay = "calculate_pay",
        /// Approve and lock payout runs.
        ApprovePay = "approve_pay",
        /// Payout runs and their lines.
        ReadPay = "read_pay",
        /// The audit log.
        ReadAuditLog = "read_audit_log",
        /// Reports of incidents: that there are any, what they say, how far they are handled.
        HandleIncidents = "handle_incidents",
    }
}

impl Role {
    /// Whether who has it proves to be themselves with a second factor, beside the password: what it decides are logins or pay.
    pub const fn asks_second_factor(self) -> bool {
        matches!(self, Self::Admin | Self::HrApprover)
    }

    /// Whether giving it asks the giver for a fresh proof of their second factor: it decides logins, sees pay, or reads what people told
    /// in confidence.
    pub fn is_given_with_proof(self) -> bool {
        const GUARDED: &[Permission] =
            &[Permission::CalculatePay, Permission::ReadPay, Permission::HandleIncidents];
        self.asks_second_factor() || self.permissions().iter().any(|it| GUARDED.contains(it))
    }

    /// What the role may do, inside the scope of its grant.
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission as P;
        match self {
            Self::Auditor => &[P::FieldWork],
            Self::Reviewer => &[
                P::ReadVisits,
                P::ReadPublishedVisits,
                P::SeeAuditors,
                P::ReviewVisits,
                P::RedactVisits,
                P::ReadScorecards,
            ],
            Self::ProgrammeManager => &[
                P::ManageReference,
                P::ManageContent,
                P::ManageProgrammes,
                P::ReadVisits,
                P::ReadPublishedVisits,
                P::SeeAuditors,
                P::RedactVisits,
                P::EnterKpis,
                P::AssessStandard,
                P::ReadScorecards,
            ],
            Self::BranchManager => &[P::ReadPublishedVisits, P::AppealVisits, P::ReadScorecards],
            Self::HrAnalyst => &[P::CalculatePay, P::ReadPay, P::ReadScorecards],
            Self::HrApprover => &[P::ApprovePay, P::ReadPay, P::ReadScorecards],
            Self::Admin => &[P::ManageUsers, P::ManageReference, P::ReadAuditLog],
            Self::Analyst => &[P::ReadScorecards],
            Self::IncidentCustodian => &[P::HandleIncidents],
        }
    }
}

/// Where a grant holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Scope {
    /// Everywhere in the organization.
    Organization,
    /// One region and all below it.
    Region(RegionId),
    /// One branch.
    Branch(BranchId),
}

/// One role held by one person in one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// Where it holds.
    pub scope: Scope,
}

/// What an action touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The organization as a whole: only a grant on the organization reaches it.
    Organization,
    /// A branch with the regions above it, nearest first.
    Branch {
        /// The branch.
        branch: BranchId,
        /// Its region and all regions above.
        regions: Vec<RegionId>,
    },
    /// Something of the person's own, in any scope: own assignments, a list narrowed to what is in scope.
    Own,
}

/// Whether one of the grants gives the permission on the target. Whoever manages a branch never handles incidents, whatever else
/// they are.
pub fn allows(grants: &[Grant], permission: Permission, target: &Target) -> bool {
    let is_of_branch = || grants.iter().any(|grant| grant.role == Role::BranchManager);
    if permission == Permission::HandleIncidents && is_of_branch() {
        return false;
    }
    grants.iter().any(|grant| grant.role.permissions().contains(&permission) && reaches(grant.scope, target))
}

fn reaches(scope: Scope, target: &Target) -> bool {
    match (scope, target) {
        (Scope::Organization, _) | (_, Target::Own) => true,
        (_, Target::Organization) => false,
        (Scope::Region(region), Target::Branch { regions, .. }) => regions.contains(&region),
        (Scope::Branch(own), Target::Branch { branch, .. }) => own == *branch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use uuid::Uuid;

    fn branch(number: u128) -> BranchId {
        BranchId(Uuid::from_u128(number))
    }

    fn region(number: u128) -> RegionId {
        RegionId(Uuid::from_u128(number))
    }

    #[test]
    fn nothing_is_allowed_without_a_grant() {
        for permission in Permission::ALL {
            assert!(!allows(&[], *permission, &Target::Own));
        }
    }

    #[test]
    fn a_branch_manager_reads_the_own_branch_only_and_never_an_auditor() {
        let grants = [Grant { role: Role::BranchManager, scope: Scope::Branch(branch(1)) }];
        let at = |number| Target::Branch { branch: branch(number), regions: vec![region(9)] };
        assert!(allows(&grants, Permission::ReadPublishedVisits, &at(1)));
        assert!(!allows(&grants, Permission::ReadPublishedVisits, &at(2)));
        assert!(!allows(&grants, Permission::ReadScorecards, &Target::Organization));
        assert!(!allows(&grants, Permission::SeeAuditors, &at(1)));
        assert!(!allows(&grants, Permission::ReadVisits, &at(1)));
    }

    #[test]
    fn a_region_grant_reaches_the_branches_below_it() {
        let grants = [Grant { role: Role::Reviewer, scope: Scope::Region(region(9)) }];
        let below = Target::Branch { branch: branch(1), regions: vec![region(5), region(9)] };
        let beside = Target::Branch { branch: branch(1), regions: vec![region(5)] };
        assert!(allows(&grants, Permission::ReviewVisits, &below));
        assert!(!allows(&grants, Permission::ReviewVisits, &beside));
    }

    #[test]
    fn nobody_both_calculates_and_approves_pay_by_one_role() {
        for role in Role::ALL {
            let may = role.permissions();
            assert!(
                !(may.contains(&Permission::CalculatePay) && may.contains(&Permission::ApprovePay)),
                "{role}"
            );
        }
    }

    #[test]
    fn only_a_custodian_of_the_whole_organization_handles_incidents_and_nobody_who_manages_a_branch() {
        let permission = Permission::HandleIncidents;
        for role in Role::ALL {
            let grants = [Grant { role: *role, scope: Scope::Organization }];
            let expected = *role == Role::IncidentCustodian;
            assert_eq!(allows(&grants, permission, &Target::Organization), expected, "{role}");
        }
        let custodian = Grant { role: Role::IncidentCustodian, scope: Scope::Organization };
        let manager = Grant { role: Role::BranchManager, scope: Scope::Branch(branch(1)) };
        assert!(!allows(&[custodian, manager], permission, &Target::Organization));
        let of_a_branch = Grant { scope: Scope::Branch(branch(1)), ..custodian };
        assert!(!allows(&[of_a_branch], permission, &Target::Organization));
    }

    #[test]
    fn names_are_read_as_they_are_printed() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().as_ref(), Ok(role));
        }
        assert!("owner".parse::<Role>().is_err());
    }
}
