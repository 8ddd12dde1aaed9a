//! Runs cases on both servers, compares, and counts.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use provlab_directory::Running;
use tokio::runtime::Runtime;

use crate::{
    embedded,
    fixture::Fixture,
    play::{self, Answers},
    samba,
    script::Case,
    server::Server,
};

type Lines = Vec<(Vec<String>, Vec<String>)>;

/// The servers, started when the first case needs them.
pub struct Servers {
    _running: Running,
    /// The container of the second one, until the end.
    container: Mutex<Option<samba::Container>>,
    pub embedded: Server,
    pub samba: Result<Server, String>,
    pub fixture: Fixture,
}

pub struct Suite {
    pub cases: Vec<Case>,
    runtime: Runtime,
    servers: OnceLock<Result<Servers, String>>,
    list: bool,
    agreed: AtomicUsize,
    known: AtomicUsize,
    failed: AtomicUsize,
    blessed: Mutex<BTreeMap<usize, Lines>>,
}

impl Suite {
    pub fn new(cases: Vec<Case>, list: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        Self {
            cases,
            runtime,
            servers: OnceLock::new(),
            list,
            agreed: AtomicUsize::new(0),
            known: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            blessed: Mutex::default(),
        }
    }

    /// Runs a case; an error tells how it differs from what is written, or the servers from each other.
    pub fn run(&self, number: usize) -> Result<(), String> {
        let result = self.compare(number);
        let counter = match &result {
            Err(_) => &self.failed,
            Ok(()) if self.cases[number].differs() => &self.known,
            Ok(()) => &self.agreed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        result
    }

    fn compare(&self, number: usize) -> Result<(), String> {
        let case = &self.cases[number];
        let servers = self.servers()?;
        let play = |server: &Server| {
            self.runtime
                .block_on(play::play(server, &servers.fixture, case, number))
        };
        let embedded = play(&servers.embedded)?;
        let samba = match &servers.samba {
            Ok(server) => Some(play(server)?),
            Err(_) => None,
        };
        if blessing() {
            let lines = bless(case, &embedded, samba.as_ref());
            self.blessed.lock().unwrap().insert(number, lines);
            return Ok(());
        }
        let mut report = String::new();
        for (at, step) in case.steps.iter().enumerate() {
            let Some(answer) = &embedded[at] else { continue };
            let lines = answer.lines(step.show);
            if lines != step.expected {
                tell(
                    &mut report,
                    case,
                    step.line,
                    "is written",
                    &step.expected,
                    "embedded",
                    &lines,
                );
            }
            let Some(other) = samba.as_ref().and_then(|answers| answers[at].as_ref()) else {
                continue;
            };
            let others = other.lines(step.show);
            let agree = answer.agrees(other, step.show);
            if step.samba.is_empty() && !agree {
                tell(&mut report, case, step.line, "embedded", &lines, "samba", &others);
            } else if !step.samba.is_empty() && agree {
                let _ = writeln!(
                    report,
                    "{}:{}: a known difference no longer differs",
                    case.file, step.line
                );
            } else if !step.samba.is_empty() && step.samba != others {
                tell(
                    &mut report,
                    case,
                    step.line,
                    "is written for samba",
                    &step.samba,
                    "samba",
                    &others,
                );
            }
        }
        if report.is_empty() { Ok(()) } else { Err(report) }
    }

    /// Both servers, started now if nobody has yet.
    pub fn servers(&self) -> Result<&Servers, String> {
        let servers = self.servers.get_or_init(|| self.start());
        servers.as_ref().map_err(Clone::clone)
    }

    /// Waits for something on the servers' runtime.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    fn start(&self) -> Result<Servers, String> {
        self.runtime.block_on(async {
            let fixture = Fixture::new();
            let (running, embedded) = embedded::start().await;
            fixture.build(&embedded).await?;
            let (container, samba) = match samba::start().await {
                Ok((container, server)) => (Some(container), Ok(server)),
                Err(reason) => (None, Err(reason)),
            };
            match &samba {
                Ok(server) => fixture.build(server).await?,
                Err(reason) if required() => {
                    return Err(format!("PROVLAB_REQUIRE asks for samba, but {reason}"));
                }
                Err(reason) => eprintln!("parity: the comparison with Samba is not run: {reason}"),
            }
            Ok(Servers {
                _running: running,
                container: Mutex::new(container),
                embedded,
                samba,
                fixture,
            })
        })
    }

    /// Says how many cases agreed, and writes what was blessed.
    pub fn finish(&self) {
        if let Some(Ok(servers)) = self.servers.get()
            && let Some(container) = servers.container.lock().unwrap().take()
        {
            self.runtime.block_on(samba::remove(container));
        }
        let blessed = std::mem::take(&mut *self.blessed.lock().unwrap());
        if !blessed.is_empty() {
            self.write(&blessed);
        }
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        let (agreed, known, failed) = (count(&self.agreed), count(&self.known), count(&self.failed));
        let total = agreed + known + failed;
        let compared = matches!(self.servers.get(), Some(Ok(servers)) if servers.samba.is_ok());
        if self.list || total == 0 {
        } else if compared {
            println!("parity: {total} cases, {agreed} agree, {known} known differences, {failed} failed");
        } else {
            println!(
                "parity: {total} cases on the embedded directory alone, {failed} failed; comparison not run"
            );
        }
    }

    fn write(&self, blessed: &BTreeMap<usize, Lines>) {
        let mut files: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (number, case) in self.cases.iter().enumerate() {
            let lines = match blessed.get(&number) {
                Some(answers) => case.rewritten(answers),
                None => case.rewritten(&as_written(case)),
            };
            let file = files.entry(&case.file).or_default();
            if !file.is_empty() {
                file.push(String::new());
            }
            file.extend(lines);
        }
        let folder = crate::cases::folder();
        for (name, lines) in files {
            std::fs::write(folder.join(name), lines.join("\n") + "\n").unwrap();
        }
    }
}

/// Whether expectations and documents are to be rewritten.
pub fn blessing() -> bool {
    std::env::var_os("PROVLAB_BLESS").is_some()
}

fn required() -> bool {
    std::env::var("PROVLAB_REQUIRE").is_ok_and(|list| list.split(',').any(|word| word.trim() == "samba"))
}

fn as_written(case: &Case) -> Lines {
    let steps = case.steps.iter();
    steps
        .map(|step| (step.expected.clone(), step.samba.clone()))
        .collect()
}

fn bless(case: &Case, embedded: &Answers, samba: Option<&Answers>) -> Lines {
    let steps = case.steps.iter().enumerate();
    steps
        .map(|(at, step)| {
            let Some(answer) = &embedded[at] else {
                return (Vec::new(), Vec::new());
            };
            let others = match samba.and_then(|answers| answers[at].as_ref()) {
                Some(other) if answer.agrees(other, step.show) => Vec::new(),
                Some(other) => other.lines(step.show),
                None => step.samba.clone(),
            };
            (answer.lines(step.show), others)
        })
        .collect()
}

fn tell(report: &mut String, case: &Case, line: usize, left: &str, a: &[String], right: &str, b: &[String]) {
    let _ = writeln!(
        report,
        "{}:{line}:\n  {left}:\n    {}\n  {right}:\n    {}",
        case.file,
        a.join("\n    "),
        b.join("\n    ")
    );
}
