//! Threads that compress and decompress pieces of data.

use std::io;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// Threads that do what they are given; they have ended when this is dropped.
pub(super) struct Workers {
    /// `None`: no more jobs come.
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    threads: Vec<JoinHandle<()>>,
}

type Job = Box<dyn FnOnce() + Send>;

impl Workers {
    pub(super) fn new(name: &str, count: usize) -> io::Result<Workers> {
        let (jobs, waiting) = mpsc::channel::<Job>();
        let waiting = Arc::new(Mutex::new(waiting));
        let mut workers = Workers { jobs: Mutex::new(Some(jobs)), threads: Vec::new() };
        for n in 0..count {
            let waiting = Arc::clone(&waiting);
            let thread = thread::Builder::new().name(format!("{name} {n}")).spawn(move || {
                loop {
                    let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    match job {
                        Ok(job) => job(),
                        Err(_) => return,
                    }
                }
            })?;
            workers.threads.push(thread);
        }
        Ok(workers)
    }

    pub(super) fn count(&self) -> usize {
        self.threads.len()
    }

    pub(super) fn submit(&self, job: Job) -> io::Result<()> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).ok_or_else(ended)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.jobs.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        for thread in self.threads.drain(..) {
            // One that panicked has told whoever waited for it. What a job held may have been the last
            // that kept this, and then it is one of these threads that comes here.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

pub(super) fn ended() -> io::Error {
    io::Error::other("a thread that compresses or decompresses has ended")
}
