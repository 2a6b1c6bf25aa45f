//! Carries mapped audits through the same ops and the same exchange as a phone's: one import device per auditor, each on
//! its own thread, many audits to a transaction. Owns the order of the steps and what makes a repeat harmless: ids
//! follow from the source, and what a device holds it does not write again.

use super::{
    mapping::Mapping,
    rows::{AuditReader, ImportedAudit, ImportedAuditor},
};
use crate::{
    client::{Client, PATIENT, Traffic},
    devices,
    office::{NewBranch, Office},
};
use device::{Device, DeviceError, Start, SubmitRule};
use domain::Problem;
use server::environment::Environment;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};
use sync_core::{Hash, fold::Phase};
use uuid::Uuid;

/// Audits of one transaction of a device: about one segment.
const AUDITS_PER_BATCH: usize = 85;
/// Batches that may wait for a device: what bounds the memory.
const WAITING_BATCHES: usize = 2;
/// Rows read before the branches among them are made known to the server.
const ROWS_PER_CHUNK: usize = 2_000;

/// What an import needs to know.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Address of the server.
    pub(crate) client: Client,
    /// Where the import's devices live.
    pub(crate) data: PathBuf,
    /// Template id, part of every audit's id.
    pub(crate) template: String,
    /// The template's content, which the devices pin.
    pub(crate) template_json: String,
    /// Clock and randomness.
    pub(crate) environment: Environment,
}

/// How far an import is, for a progress bar.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Audits that the server has acknowledged.
    pub(crate) acknowledged: AtomicU64,
    /// Bytes of the files that were read.
    pub(crate) read: AtomicU64,
    /// Bytes of the files.
    pub(crate) bytes: AtomicU64,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Report {
    /// Audits that are on the server now, by this run or an earlier one.
    pub(crate) audits: u64,
    /// Of those, written by this run.
    pub(crate) written: u64,
    /// Answers written by this run.
    pub(crate) answers: u64,
    /// Ops on the server in the logs of the import's devices.
    pub(crate) ops: u64,
    /// Rows of the visits file that were refused.
    pub(crate) refused_visits: u64,
    /// Rows of the answers file that were refused.
    pub(crate) refused_answers: u64,
    /// Exchanges.
    pub(crate) requests: u64,
    /// Bytes sent, compressed.
    pub(crate) bytes_sent: u64,
    /// Bytes received, compressed.
    pub(crate) bytes_received: u64,
    /// Devices.
    pub(crate) devices: u64,
}

/// One audit on its way to its device.
struct Job {
    audit: Uuid,
    branch: Uuid,
    source: String,
    visited_at: String,
    answers: Vec<(String, String)>,
    facts: Option<String>,
}

/// A device at work.
struct Worker {
    queue: SyncSender<Vec<Job>>,
    waiting: Vec<Job>,
    thread: JoinHandle<Result<Done, Problem>>,
}

/// What a worker did.
#[derive(Debug, Clone, Copy, Default)]
struct Done {
    audits: u64,
    written: u64,
    answers: u64,
    ops: u64,
    traffic: Traffic,
}

/// The id of an imported audit: it follows from the organization, the template and the source's id, so that a repeated
/// import finds its audits again.
fn audit_id(org: Uuid, template: &str, external_id: &str) -> Uuid {
    Uuid::new_v5(&org, format!("import/{template}/{external_id}").as_bytes())
}

/// Imports every audit that `reader` gives and returns when all of them are acknowledged by the server.
///
/// # Errors
/// A file that cannot be read, a server that refuses or cannot be reached. A repeated call goes on where this one
/// stopped.
pub(crate) fn run(
    plan: &Plan,
    office: &mut Office,
    mapping: &Mapping,
    reader: &mut AuditReader<'_>,
    progress: &Arc<Progress>,
) -> Result<Report, Problem> {
    let template = Hash::of(plan.template_json.as_bytes());
    let mut crew = Crew {
        plan,
        template,
        workers: BTreeMap::new(),
        progress: Arc::clone(progress),
        failed: Arc::default(),
    };
    let read = read_all(&mut crew, office, mapping, reader);
    // Workers finish what they hold even where reading failed: it is in their stores already or will be.
    let mut report = crew.finish()?;
    read?;
    let counts = reader.counts();
    report.refused_visits = counts.refused_visits;
    report.refused_answers = counts.refused_answers;
    Ok(report)
}

fn read_all(
    crew: &mut Crew<'_>,
    office: &mut Office,
    mapping: &Mapping,
    reader: &mut AuditReader<'_>,
) -> Result<(), Problem> {
    loop {
        let mut chunk = Vec::with_capacity(ROWS_PER_CHUNK);
        while chunk.len() < ROWS_PER_CHUNK {
            match reader.next_audit()? {
                Some(audit) => chunk.push(audit),
                None => break,
            }
        }
        if chunk.is_empty() {
            return Ok(());
        }
        let (read, bytes) = reader.progress();
        crew.progress.read.store(read, Ordering::Relaxed);
        crew.progress.bytes.store(bytes, Ordering::Relaxed);
        let branches = chunk.iter().map(|it| new_branch(mapping, it));
        office.know_branches(branches)?;
        for audit in chunk {
            let branch = office.branch(&audit.branch.code)?;
            crew.hand_over(office, audit, branch)?;
        }
    }
}

fn new_branch(mapping: &Mapping, audit: &ImportedAudit<'_>) -> NewBranch {
    NewBranch {
        code: audit.branch.code.clone(),
        name: audit.branch.name.clone(),
        zone: mapping.time_zone.iana_name().unwrap_or("UTC").to_owned(),
        position: audit.branch.position.map(|it| (it.latitude_microdegrees, it.longitude_microdegrees)),
    }
}

struct Crew<'a> {
    plan: &'a Plan,
    template: Hash,
    workers: BTreeMap<String, Worker>,
    progress: Arc<Progress>,
    /// The first failure of a worker; the others stop taking work.
    failed: Arc<Mutex<Option<Problem>>>,
}

impl Crew<'_> {
    fn hand_over(
        &mut self,
        office: &mut Office,
        audit: ImportedAudit<'_>,
        branch: Uuid,
    ) -> Result<(), Problem> {
        let job = Job {
            audit: audit_id(office.org(), &self.plan.template, &audit.external_id),
            branch,
            source: audit.external_id.clone(),
            visited_at: audit.date.to_string(),
            answers: audit.answers.iter().map(|it| (it.0.to_owned(), it.1.clone().into_owned())).collect(),
            facts: facts(&audit),
        };
        if !self.workers.contains_key(&audit.auditor.name) {
            let worker = self.employ(office, &audit.auditor)?;
            self.workers.insert(audit.auditor.name.clone(), worker);
        }
        let Some(worker) = self.workers.get_mut(&audit.auditor.name) else { return Ok(()) };
        worker.waiting.push(job);
        if worker.waiting.len() < AUDITS_PER_BATCH {
            return Ok(());
        }
        let batch = std::mem::take(&mut worker.waiting);
        if worker.queue.send(batch).is_err() {
            return Err(self.failure());
        }
        Ok(())
    }

    fn employ(&self, office: &mut Office, auditor: &ImportedAuditor) -> Result<Worker, Problem> {
        let dir = self.plan.data.join("devices").join(devices::folder_name(&auditor.name));
        let mut device = office.import_device(&dir, auditor, &self.plan.environment)?;
        device.add_template(self.plan.template_json.as_bytes())?;
        let client = self.plan.client.clone();
        let (queue, jobs) = sync_channel(WAITING_BATCHES);
        let mut work = Work {
            device,
            client,
            template: self.template,
            environment: self.plan.environment.clone(),
            progress: Arc::clone(&self.progress),
            done: Done::default(),
        };
        let failed = Arc::clone(&self.failed);
        let thread = thread::spawn(move || {
            let result = work.all(&jobs);
            if let (Err(problem), Ok(mut first)) = (&result, failed.lock()) {
                first.get_or_insert_with(|| problem.clone());
            }
            result
        });
        Ok(Worker { queue, waiting: Vec::new(), thread })
    }

    fn failure(&self) -> Problem {
        let first = self.failed.lock().ok().and_then(|it| it.clone());
        first.unwrap_or_else(|| {
            Problem::single(500, "import_stopped", "La importación se detuvo.", "the import stopped")
        })
    }

    fn finish(self) -> Result<Report, Problem> {
        let mut report = Report::default();
        let mut threads = Vec::new();
        for (_, Worker { queue, waiting, thread }) in self.workers {
            // A worker that failed has closed its queue; its problem comes with the join.
            drop(queue.send(waiting));
            drop(queue);
            threads.push(thread);
        }
        for thread in threads {
            let done = thread.join().map_err(|_| {
                Problem::single(
                    500,
                    "import_stopped",
                    "Un hilo de la importación falló.",
                    "a thread of the import failed",
                )
            })??;
            report.audits += done.audits;
            report.written += done.written;
            report.answers += done.answers;
            report.ops += done.ops;
            report.requests += done.traffic.requests;
            report.bytes_sent += done.traffic.sent;
            report.bytes_received += done.traffic.received;
            report.devices += 1;
        }
        Ok(report)
    }
}

fn facts(audit: &ImportedAudit<'_>) -> Option<String> {
    let facts: BTreeMap<&str, &str> = audit.facts.iter().map(|it| (it.0, it.1.as_str())).collect();
    if facts.is_empty() { None } else { serde_json::to_string(&facts).ok() }
}

/// One device's share of the import.
struct Work {
    device: Device,
    client: Client,
    template: Hash,
    environment: Environment,
    progress: Arc<Progress>,
    done: Done,
}

impl Work {
    fn all(&mut self, jobs: &Receiver<Vec<Job>>) -> Result<Done, Problem> {
        // First contact: the epoch, without which nothing can be signed.
        self.sync()?;
        for batch in jobs {
            let count = u64::try_from(batch.len()).unwrap_or(0);
            self.write(&batch)?;
            self.sync()?;
            self.done.audits += count;
            self.progress.acknowledged.fetch_add(count, Ordering::Relaxed);
        }
        self.done.ops = self.device.head().dseq;
        Ok(self.done)
    }

    fn write(&mut self, jobs: &[Job]) -> Result<(), Problem> {
        let now_ms = now_ms(&self.environment);
        let template = self.template;
        let (written, answers) = self.device.batch(|batch| {
            let (mut written, mut answers) = (0_u64, 0_u64);
            for job in jobs {
                if matches!(batch.phase(job.audit)?, Phase::Empty | Phase::Draft) {
                    answers += write_one(batch, job, template, now_ms)?;
                    written += 1;
                }
            }
            Ok((written, answers))
        })?;
        self.done.written += written;
        self.done.answers += answers;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Problem> {
        devices::sync_until_done(
            &mut self.device,
            &self.client,
            &self.environment,
            &mut self.done.traffic,
            PATIENT,
        )
    }
}

fn write_one(
    batch: &mut device::Batch<'_>,
    job: &Job,
    template: Hash,
    now_ms: u64,
) -> Result<u64, DeviceError> {
    let start = Start::AdHoc {
        audit: job.audit,
        branch: job.branch,
        content_hash: template,
        source: Some(job.source.clone()),
        visited_at: Some(job.visited_at.clone()),
    };
    batch.start(&start, now_ms)?;
    if let Some(facts) = &job.facts {
        batch.note(job.audit, "", facts, now_ms)?;
    }
    let mut answers = 0;
    for (field, json) in &job.answers {
        if batch.answer(job.audit, field, json, now_ms)?.is_some() {
            answers += 1;
        }
    }
    batch.submit(job.audit, SubmitRule::ScoredItemsAnswered, now_ms)?;
    Ok(answers)
}

/// Milliseconds since 1970.
pub(crate) fn now_ms(environment: &Environment) -> u64 {
    u64::try_from(environment.now().as_millisecond()).unwrap_or(0)
}
