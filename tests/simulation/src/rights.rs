//! What auditors may see, and when that changes: an auditor works in regions, branches move between them, roles are taken and
//! given. Owns the account of what a phone may hold, and that an assignment which is on a phone is given to somebody else.

use crate::{
    dice::Dice,
    fault::Fault,
    oracle::{Checked, broken},
    world::World,
};
use domain::{
    access::{Role, Scope},
    ids::{AssignmentId, AuditId, RegionId, audit_of_assignment},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, ops::RangeInclusive};
use sync_core::{DeviceId, OpId, exchange::Ending};
use uuid::Uuid;

/// The auditor who works in regions.
pub(crate) const IN_REGIONS: usize = 1;
/// The regions that branches lie in.
pub(crate) const REGIONS: [&str; 2] = ["N", "S"];

impl World {
    /// A branch moves to another region, or is named anew.
    pub(crate) fn move_branch(&mut self, dice: &mut Dice) {
        let (code, name) = (dice.pick(&["B1", "B2", "B3"]), format!("Branch {}", dice.below(100)));
        let region = dice.pick(&REGIONS);
        let rows = json!([{"code": code, "name": name, "zone": "America/Lima", "region_code": region}]);
        let token = self.office.session(&self.office.people.manager);
        let put = self.office.send(|it| it.put("/api/v1/branches").bearer(&token).json(&rows));
        if put.status.is_success() {
            self.fired.note(Fault::BranchMoved);
        }
    }

    /// An auditor is given a region or loses it.
    pub(crate) fn change_role(&mut self, dice: &mut Dice) {
        let region = *dice.pick(&self.office.people.regions);
        let scopes = self.scopes(IN_REGIONS);
        let gives = !scopes.contains(&Scope::Region(RegionId(region)));
        // Who has no role left gets no phone either.
        if !gives && scopes.len() < 2 {
            return;
        }
        if self.set_region(region, gives) {
            self.fired.note(if gives { Fault::RoleGiven } else { Fault::RoleTaken });
        }
    }

    fn set_region(&self, region: Uuid, gives: bool) -> bool {
        let verb = if gives { "" } else { "/revoke" };
        let person = self.office.people.auditors[IN_REGIONS].id;
        let role: Value = json!({"role": "auditor", "scope": {"kind": "region", "id": region}});
        let address = format!("/api/v1/users/{person}/roles{verb}");
        self.office.ask(&self.office.people.admin, &address, &role).status.is_success()
    }

    /// Everybody may see again what is theirs.
    pub(crate) fn give_roles_back(&self) {
        for region in &self.office.people.regions {
            self.set_region(*region, true);
        }
    }

    fn scopes(&self, auditor: usize) -> Vec<Scope> {
        let person = self.office.people.auditors[auditor].id;
        let grants = self.office.read(|tx, org| db::users::list_roles(tx, org, person));
        grants.into_iter().filter(|it| it.role == Role::Auditor).map(|it| it.scope).collect()
    }

    /// Whether an auditor may see a visit; of one that the office does not have, nobody can tell.
    pub(crate) fn may_see(&self, auditor: usize, audit: Uuid) -> Option<bool> {
        let row = self.office.read(|tx, org| db::audits::find(tx, org, AuditId(audit)))?;
        let branch = self.office.read(|tx, org| db::reference::find_branch(tx, org, row.branch_id))?;
        let reaches = |it: Scope| match it {
            Scope::Organization => true,
            Scope::Region(region) => branch.region_id == Some(region),
            Scope::Branch(it) => it == branch.branch_id,
        };
        Some(self.scopes(auditor).into_iter().any(reaches))
    }

    /// I12: a phone that was told everything holds of others nothing but what its person may see.
    pub(crate) fn check_reach(&mut self, at: usize) -> Checked {
        let phone = &self.phones[at];
        let Some(device) = phone.device.as_ref().filter(|_| !phone.is_damaged) else { return Ok(()) };
        let read = device.list(None, 1_000).and_then(|list| Ok((list, device.status()?)));
        let (list, status) = read.or_else(|it| broken("a store can be read", it.to_string()))?;
        let is_own = |it: &DeviceId| *it == status.dev || status.former.contains(it);
        for audit in list.into_iter().map(|it| it.audit) {
            let ops = device.ops(audit).or_else(|it| broken("a store can be read", it.to_string()))?;
            let of_others = ops.iter().find(|it| !is_own(&it.0.dev)).map(|it| *it.0);
            if let Some(id) = of_others
                && !self.is_rogues(&ops)
                && self.may_see(phone.auditor, audit) == Some(false)
            {
                let what = format!("{} holds {id:?} of {audit}, which its person may not see", phone.dev);
                return broken("I12 permission", what);
            }
        }
        // What it had to let go of it can bring to nobody.
        let (auditor, mut mirror) = (phone.auditor, std::mem::take(&mut self.phones[at].mirror));
        let mut kept = std::collections::BTreeMap::new();
        mirror.retain(|_, audit| {
            *kept.entry(*audit).or_insert_with(|| self.may_see(auditor, *audit) != Some(false))
        });
        self.phones[at].mirror = mirror;
        Ok(())
    }

    /// An assignment that is on a phone is taken back, whatever was begun there, and somebody else gets one.
    pub(crate) fn reassign(&mut self, dice: &mut Dice) {
        let mut held: Vec<(usize, Uuid, bool)> = Vec::new();
        for phone in self.working(None).into_iter().map(|it| &self.phones[it]) {
            let assignments = phone.device.as_ref().and_then(|it| it.assignments().ok()).unwrap_or_default();
            for it in
                assignments.into_iter().filter(|it| ["offered", "accepted"].contains(&it.state.as_str()))
            {
                let audit = audit_of_assignment(AssignmentId(it.id)).0;
                let ops = phone.device.as_ref().and_then(|it| it.ops(audit).ok());
                held.push((phone.auditor, it.id, ops.is_some_and(|it| it.iter().next().is_some())));
            }
        }
        let begun: Vec<_> = held.iter().copied().filter(|it| it.2 && self.is_not_begun_here(it.1)).collect();
        let among = if begun.is_empty() { &held } else { &begun };
        let Some((auditor, id, _)) = among.get(dice.place(among.len())).copied() else { return };
        let is_begun = !begun.is_empty();
        let manager = self.office.people.manager.clone();
        let address = format!("/api/v1/assignments/{id}/cancel");
        let answer = self.office.ask(&manager, &address, &json!({"reason": "to somebody else"}));
        if answer.status.is_success() {
            self.fired.note(if is_begun { Fault::ReassignRaces } else { Fault::Reassign });
            let branch = dice.place(3);
            self.assign(1 - auditor, branch);
        }
    }

    fn is_not_begun_here(&self, assignment: Uuid) -> bool {
        self.server_ops(audit_of_assignment(AssignmentId(assignment)).0).is_none()
    }

    /// I8: before the office is made anew from a copy, what phones hold of others is written down: they owe it afterwards.
    ///
    /// Of a push of which something was set aside phones are told parts, which no signature covers: what its author can no longer
    /// send again is only read there, and no office takes it back.
    pub(crate) fn note_mirrors(&mut self) {
        let in_parts = self.told_in_parts();
        let is_whole = |it: &OpId| {
            !in_parts.get(&it.dev).is_some_and(|all| all.iter().any(|part| part.contains(&it.dseq)))
        };
        for at in self.working(None) {
            let phone = &mut self.phones[at];
            let Some(device) = phone.device.as_ref().filter(|_| !phone.is_damaged) else { continue };
            let (Ok(list), Ok(status)) = (device.list(None, 1_000), device.status()) else { continue };
            let is_own = |it: &OpId| it.dev == status.dev || status.former.contains(&it.dev);
            for audit in list.into_iter().map(|it| it.audit) {
                let Ok(ops) = device.ops(audit) else { continue };
                let of_others = ops.iter().map(|it| *it.0).filter(|it| !is_own(it));
                phone.mirror.extend(of_others.filter(is_whole).map(|it| (it, audit)));
            }
        }
    }

    /// The positions of pushes of which something was set aside.
    fn told_in_parts(&self) -> BTreeMap<DeviceId, Vec<RangeInclusive<u64>>> {
        let found = self.office.read(|tx, org| db::quarantine::list(tx, org, false, None, 5_000)).items;
        let mut parts: BTreeMap<DeviceId, Vec<RangeInclusive<u64>>> = BTreeMap::new();
        for it in found.into_iter().filter(|it| Ending::of_name(&it.reason).is_some()) {
            let all = parts.entry(it.dev).or_default();
            if !all.iter().any(|part| part.contains(&it.dseq)) {
                let segment = self.office.read(|tx, org| db::devices::find_segment(tx, org, it.dev, it.dseq));
                all.extend(segment.map(|it| it.first_dseq..=it.last_dseq));
            }
        }
        parts
    }
}
