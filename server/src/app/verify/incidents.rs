//! Reports of incidents: each is what the device that handed it in has signed.

use super::{Place, Stop, Walk, fault};
use db::{MAX_PAGE, devices, incidents};
use sync_core::{Bytes, PublicKey, incident::IncidentRequest};

impl Walk<'_, '_> {
    pub(super) fn incidents(&mut self) -> Result<(), Stop> {
        let mut after = None;
        loop {
            let page = incidents::list(self.tx, self.org, None, after, MAX_PAGE)?;
            for it in page.items {
                let id = it.incident_id;
                let device = devices::find(self.tx, self.org, it.dev)?;
                let request = IncidentRequest {
                    id: id.0,
                    dev: it.author_dev,
                    key: it.key_id,
                    body: Bytes::from(it.body),
                    sig: Bytes::from(it.sig),
                };
                let signed = request.signed_bytes(&self.org.0, &it.dev);
                let key = device.map(|it| PublicKey { alg: it.alg, key: Bytes::from(it.public_key) });
                if key.is_none_or(|it| it.verify(&signed, &request.sig).is_err()) {
                    return Err(fault(
                        "incident_signature",
                        Place { device: Some(it.dev), ..Place::default() },
                        format!("el aviso {id} no es el que firmó su dispositivo"),
                        format!("the report {id} is not what its device signed"),
                    ));
                }
                self.report.incidents += 1;
            }
            self.tell();
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}
