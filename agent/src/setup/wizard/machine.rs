//! The wizard as a pure state machine: events in, effects out; who performs the effects is not its business.

use crate::setup::failure::{Failure, WizardFailure};
use crate::setup::generation::{Generation, Page, PageSpec, Work};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The wizard was started.
    Started,
    /// The page is on the screen.
    PageOpened,
    /// The task of the last effect is done.
    TaskDone,
    /// The task of the last effect failed.
    TaskFailed(Failure),
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Show a page.
    OpenPage(&'static PageSpec),
    /// Do a task of the page, then report [`Event::TaskDone`] or [`Event::TaskFailed`].
    Perform(Task),
    /// The last page shows the success text.
    Succeed(&'static str),
    /// The page shows an error and the wizard stops.
    Fail(WizardFailure),
}

/// One task. Work that is done once per domain becomes one task per domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Work that happens once.
    Once(Work),
    /// Work for the domain of this position in the answers.
    ForDomain(Work, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Opening { page: usize },
    Working { page: usize, task: usize },
    Over,
}

/// A run of the wizard.
#[derive(Debug)]
pub struct Wizard {
    generation: &'static Generation,
    domains: usize,
    state: State,
}

impl Wizard {
    /// A wizard of a generation that will serve this many domains.
    pub fn new(generation: &'static Generation, domains: usize) -> Self {
        Self {
            generation,
            domains,
            state: State::New,
        }
    }

    /// Takes one event and says what to do. An event that does not fit the state changes nothing.
    pub fn step(&mut self, event: Event) -> Option<Effect> {
        let (state, effect) = match (self.state, event) {
            (State::New, Event::Started) => self.open(0),
            (State::Opening { page }, Event::PageOpened) => self.work(page, 0),
            (State::Working { page, task }, Event::TaskDone) => self.work(page, task + 1),
            (State::Working { page, .. }, Event::TaskFailed(failure)) => {
                let spec = self.generation.pages.get(page)?;
                let failed = WizardFailure {
                    page: spec.page,
                    title: spec.title,
                    failure,
                };
                (State::Over, Effect::Fail(failed))
            }
            _ => return None,
        };
        self.state = state;
        Some(effect)
    }

    /// The page that is on the screen.
    pub fn page(&self) -> Option<Page> {
        match self.state {
            State::Opening { page } | State::Working { page, .. } => {
                self.generation.pages.get(page).map(|spec| spec.page)
            }
            State::New | State::Over => None,
        }
    }

    fn open(&self, page: usize) -> (State, Effect) {
        match self.generation.pages.get(page) {
            Some(spec) => (State::Opening { page }, Effect::OpenPage(spec)),
            None => (State::Over, Effect::Succeed(self.generation.success)),
        }
    }

    fn work(&self, page: usize, task: usize) -> (State, Effect) {
        match self.tasks(page).nth(task) {
            Some(next) => (State::Working { page, task }, Effect::Perform(next)),
            None => self.open(page + 1),
        }
    }

    fn tasks(&self, page: usize) -> impl Iterator<Item = Task> + use<> {
        let domains = self.domains;
        let work = self.generation.pages.get(page).map_or(&[][..], |spec| spec.work);
        work.iter().flat_map(move |work| {
            let count = if per_domain(*work) { domains } else { 1 };
            (0..count).map(move |index| {
                if per_domain(*work) {
                    Task::ForDomain(*work, index)
                } else {
                    Task::Once(*work)
                }
            })
        })
    }
}

fn per_domain(work: Work) -> bool {
    matches!(work, Work::AddDirectories | Work::GroupResources)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::setup::failure::FailureKind;
    use crate::setup::generation::{GENERATIONS, GenerationName};

    fn walk(generation: &'static Generation, domains: usize) -> (Vec<&'static str>, Vec<Task>, Effect) {
        let mut wizard = Wizard::new(generation, domains);
        let (mut pages, mut tasks) = (Vec::new(), Vec::new());
        let mut effect = wizard.step(Event::Started).unwrap();
        loop {
            let event = match effect {
                Effect::OpenPage(spec) => {
                    pages.push(spec.title);
                    Event::PageOpened
                }
                Effect::Perform(task) => {
                    tasks.push(task);
                    Event::TaskDone
                }
                done => return (pages, tasks, done),
            };
            effect = wizard.step(event).unwrap();
        }
    }

    #[test]
    fn every_generation_ends_with_its_success_text() {
        for generation in &GENERATIONS {
            let (pages, tasks, end) = walk(generation, 1);
            assert_eq!(pages.len(), generation.pages.len());
            assert_eq!(end, Effect::Succeed(generation.success));
            assert_eq!(tasks.last(), Some(&Task::Once(Work::Verify)));
        }
    }

    #[test]
    fn todays_work_is_in_the_order_of_the_architecture_article() {
        let (_, tasks, _) = walk(Generation::find(GenerationName::G24), 2);
        assert_eq!(
            tasks,
            [
                Task::Once(Work::ChooseExtension),
                Task::Once(Work::SignIn),
                Task::Once(Work::PrepareServiceAccount),
                Task::Once(Work::ChangeServiceCredentials),
                Task::ForDomain(Work::AddDirectories, 0),
                Task::ForDomain(Work::AddDirectories, 1),
                Task::Once(Work::Register),
                Task::ForDomain(Work::GroupResources, 0),
                Task::ForDomain(Work::GroupResources, 1),
                Task::Once(Work::RestartService),
                Task::Once(Work::Verify),
            ]
        );
    }

    #[test]
    fn a_failure_stops_the_wizard_on_its_page() {
        let mut wizard = Wizard::new(Generation::find(GenerationName::G24), 1);
        let mut effect = wizard.step(Event::Started).unwrap();
        while effect != Effect::Perform(Task::ForDomain(Work::AddDirectories, 0)) {
            let event = if matches!(effect, Effect::OpenPage(_)) {
                Event::PageOpened
            } else {
                Event::TaskDone
            };
            effect = wizard.step(event).unwrap();
        }
        let failure = Failure::new(FailureKind::Credential, "expired", "data 532");
        let Some(Effect::Fail(failed)) = wizard.step(Event::TaskFailed(failure)) else {
            panic!("the wizard goes on")
        };
        assert_eq!(failed.page, Page::ConnectActiveDirectory);
        assert_eq!(failed.to_string(), "Connect Active Directory: expired");
        assert_eq!(wizard.step(Event::TaskDone), None);
    }

    #[test]
    fn events_out_of_place_change_nothing() {
        let mut wizard = Wizard::new(Generation::find(GenerationName::G24), 1);
        assert_eq!(wizard.step(Event::TaskDone), None);
        assert!(wizard.step(Event::Started).is_some());
        assert_eq!(wizard.step(Event::Started), None);
        assert_eq!(wizard.page(), Some(Page::Welcome));
    }
}
