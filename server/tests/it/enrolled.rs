//! Devices that tests enrol.

use crate::exchange::{MS, Phone};
use serde_json::json;
use server::testing::{TestOffice, TestPerson};
use sync_core::{
    AuditOps, Bytes, Head, Seed, hlc,
    ingest::{EnrolmentRequest, enrolment_bytes},
    signature::SigningKey,
};

impl Phone {
    pub(crate) async fn enrol(
        office: &TestOffice,
        admin: &TestPerson,
        user: &TestPerson,
        number: u8,
    ) -> Self {
        Self::enrol_as(office, admin, user, (number, "phone")).await
    }

    /// A device of a kind: `phone`, or `import`.
    pub(crate) async fn enrol_as(
        office: &TestOffice,
        admin: &TestPerson,
        user: &TestPerson,
        (number, kind): (u8, &str),
    ) -> Self {
        let key = SigningKey::from_secret(&[number; 32]);
        let body = json!({"user": user.id, "kind": kind});
        let issued = office.post("/api/v1/devices/codes").by(admin).json(&body).send().await.expect_json();
        let code = issued["code"].as_str().unwrap().to_owned();
        let sig = Bytes::from(key.sign(&enrolment_bytes(&key.public_key().device(), &code)));
        let (kind, former) = (kind.to_owned(), None);
        let request = EnrolmentRequest { code, key: key.public_key(), kind, sig, former };
        let enrolled = office.post("/api/v1/devices/enrol").json(&request).send().await.expect_json();
        let enrolment = serde_json::from_value(enrolled).unwrap();
        Self {
            key,
            enrolment,
            head: Head::EMPTY,
            last_hlc: hlc::at_ms(MS),
            seed: Seed([number; 32]),
            ops: AuditOps::new(),
            unsent: Vec::new(),
        }
    }
}
