//! Installation: the package, the wizard, and the same steps as cmdlets (CS 1.3, 1.5, 4).

mod account;
pub mod answers;
pub mod cmdlets;
pub mod failure;
pub mod generation;
pub mod package;
mod steps;
pub mod wizard;

pub(crate) use steps::preferred_controllers;
