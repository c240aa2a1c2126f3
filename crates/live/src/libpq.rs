//! libpq, loaded at run time or, with the feature `bundled-libpq`, linked: its functions, and safe
//! handles on what they give. All `unsafe` of the crate is here.
//!
//! A handle owns what libpq allocated and frees it once. Texts go in as bytes without NUL and come
//! out as bytes that are ours. Nothing of libpq is called after its handle is gone, and the library
//! itself is never unloaded.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::fatal::Fatal;

/// A `PGconn`, a `PGresult`, a `PGcancel`, a `PGcancelConn`: libpq alone looks inside.
type Opaque = *mut c_void;
type NoticeProcessor = extern "C" fn(*mut c_void, *const c_char);

/// A `PQconninfoOption`.
#[repr(C)]
struct Setting {
    keyword: *const c_char,
    envvar: *const c_char,
    compiled: *const c_char,
    val: *const c_char,
    label: *const c_char,
    dispchar: *const c_char,
    dispsize: c_int,
}

/// Declares a table of functions, and fills it: from a library that was loaded, or with what is
/// linked. The types are those of libpq-fe.h.
macro_rules! functions {
    ($table:ident: $($name:ident($($arg:ty),*) $(-> $result:ty)?;)*) => {
        #[allow(non_snake_case)]
        struct $table {
            $($name: unsafe extern "C" fn($($arg),*) $(-> $result)?,)*
        }

        #[cfg(not(feature = "bundled-libpq"))]
        impl $table {
            /// # Safety
            ///
            /// The library is libpq, and outlives what is returned.
            unsafe fn of(library: &libloading::Library) -> Result<Self, libloading::Error> {
                Ok($table {
                    // SAFETY: no release of libpq changed the type of one of these.
                    $($name: unsafe { *library.get(stringify!($name).as_bytes())? },)*
                })
            }
        }

        #[cfg(feature = "bundled-libpq")]
        impl $table {
            fn linked() -> Self {
                unsafe extern "C" {
                    $(fn $name($(_: $arg),*) $(-> $result)?;)*
                }
                $table { $($name,)* }
            }
        }
    };
}

functions! { Functions:
    PQconnectdbParams(*const *const c_char, *const *const c_char, c_int) -> Opaque;
    PQfinish(Opaque);
    PQstatus(Opaque) -> c_int;
    PQtransactionStatus(Opaque) -> c_int;
    PQerrorMessage(Opaque) -> *const c_char;
    PQconnectionNeedsPassword(Opaque) -> c_int;
    PQconnectionUsedPassword(Opaque) -> c_int;
    PQpass(Opaque) -> *const c_char;
    PQserverVersion(Opaque) -> c_int;
    PQparameterStatus(Opaque, *const c_char) -> *const c_char;
    PQsetNoticeProcessor(Opaque, NoticeProcessor, *mut c_void) -> Option<NoticeProcessor>;
    PQexec(Opaque, *const c_char) -> Opaque;
    PQexecParams(
        Opaque, *const c_char, c_int, *const u32, *const *const c_char, *const c_int, *const c_int, c_int
    ) -> Opaque;
    PQgetResult(Opaque) -> Opaque;
    PQresultStatus(Opaque) -> c_int;
    PQresultErrorField(Opaque, c_int) -> *const c_char;
    PQntuples(Opaque) -> c_int;
    PQnfields(Opaque) -> c_int;
    PQgetisnull(Opaque, c_int, c_int) -> c_int;
    PQgetvalue(Opaque, c_int, c_int) -> *const c_char;
    PQgetlength(Opaque, c_int, c_int) -> c_int;
    PQclear(Opaque);
    PQputCopyData(Opaque, *const c_char, c_int) -> c_int;
    PQputCopyEnd(Opaque, *const c_char) -> c_int;
    PQsetnonblocking(Opaque, c_int) -> c_int;
    PQflush(Opaque) -> c_int;
    PQconsumeInput(Opaque) -> c_int;
    PQsocket(Opaque) -> c_int;
    PQgetCopyData(Opaque, *mut *mut c_char, c_int) -> c_int;
    PQfreemem(*mut c_void);
    PQconninfo(Opaque) -> *mut Setting;
    PQconninfoFree(*mut Setting);
    PQhost(Opaque) -> *const c_char;
    PQport(Opaque) -> *const c_char;
    PQgetCancel(Opaque) -> Opaque;
    PQcancel(Opaque, *mut c_char, c_int) -> c_int;
    PQfreeCancel(Opaque);
    lo_create(Opaque, u32) -> u32;
    lo_open(Opaque, u32, c_int) -> c_int;
    lo_write(Opaque, c_int, *const c_char, usize) -> c_int;
    lo_close(Opaque, c_int) -> c_int;
}

// What libpq 17 brought: a cancel that is as well encrypted as its connection.
functions! { CancelFunctions:
    PQcancelCreate(Opaque) -> Opaque;
    PQcancelBlocking(Opaque) -> c_int;
    PQcancelReset(Opaque);
    PQcancelFinish(Opaque);
}

/// PostgreSQL's client library.
pub struct Libpq {
    functions: Functions,
    cancel: Option<CancelFunctions>,
}

impl fmt::Debug for Libpq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Libpq")
    }
}

impl Libpq {
    /// Loads the library, once: the one that the environment variable `PGDMP_LIBPQ` names, else
    /// the system's, else what `pg_config` and the usual folders have. libpq 10 or newer will do.
    ///
    /// With the feature `bundled-libpq` it is part of the program, and there is nothing to load.
    ///
    /// # Errors
    ///
    /// There is none; the message names the package to install.
    pub fn load() -> Result<&'static Libpq, Fatal> {
        static LIBPQ: OnceLock<Option<Libpq>> = OnceLock::new();
        LIBPQ.get_or_init(Libpq::find).as_ref().ok_or_else(Libpq::missing)
    }

    #[cfg(feature = "bundled-libpq")]
    fn find() -> Option<Libpq> {
        Some(Libpq { functions: Functions::linked(), cancel: Some(CancelFunctions::linked()) })
    }

    #[cfg(feature = "bundled-libpq")]
    fn missing() -> Fatal {
        Fatal::server("libpq is not part of this program")
    }

    #[cfg(not(feature = "bundled-libpq"))]
    fn find() -> Option<Libpq> {
        crate::search::find(Libpq::open)
    }

    #[cfg(not(feature = "bundled-libpq"))]
    fn missing() -> Fatal {
        Fatal::server(crate::search::not_found())
    }

    #[cfg(not(feature = "bundled-libpq"))]
    fn open(path: &std::path::Path) -> Option<Libpq> {
        use libloading::Library;

        // SAFETY: what a library does when it is loaded is its maker's matter. Whoever may put one
        // in these places may also replace the system's.
        let library = unsafe { Library::new(path) }.ok()?;
        // It stays loaded for as long as the process lives.
        let library: &'static Library = Box::leak(Box::new(library));
        // SAFETY: a library of this name that has all of these functions is libpq.
        unsafe {
            Some(Libpq {
                functions: Functions::of(library).ok()?,
                cancel: CancelFunctions::of(library).ok(),
            })
        }
    }

    /// Connects. Keywords are libpq's; a value that has a NUL byte is refused with a message.
    pub(crate) fn connect<'v>(
        &'static self,
        parameters: &[(&'static CStr, &[u8])],
    ) -> Result<Raw<'v>, Vec<u8>> {
        let mut keywords = Vec::with_capacity(parameters.len() + 1);
        let mut values = Vec::with_capacity(parameters.len() + 1);
        for (keyword, value) in parameters {
            keywords.push(keyword.as_ptr());
            values.push(CString::new(*value).map_err(|_| {
                let keyword = keyword.to_bytes();
                [b"connection parameter \"", keyword, b"\" has a NUL byte"].concat()
            })?);
        }
        keywords.push(ptr::null());
        let mut pointers: Vec<_> = values.iter().map(|value| value.as_ptr()).collect();
        pointers.push(ptr::null());
        // SAFETY: two lists of C strings of the same length, ended by NULL, alive until it returns.
        let conn =
            unsafe { (self.functions.PQconnectdbParams)(keywords.as_ptr(), pointers.as_ptr(), 1) };
        match NonNull::new(conn) {
            Some(conn) => Ok(Raw { libpq: self, conn, notices: None, state: None }),
            None => Err(b"could not connect to database".to_vec()),
        }
    }
}

/// Hears what a server says below an error.
pub(crate) type OnNotice<'v> = Box<dyn Fn(&[u8]) + Send + 'v>;

/// libpq's `ConnStatusType`, `PGTransactionStatusType`, and flags of `lo_open`.
const CONNECTION_OK: c_int = 0;
const PQTRANS_ACTIVE: c_int = 1;
const PQTRANS_INTRANS: c_int = 2;
const PQTRANS_INERROR: c_int = 3;
const INV_WRITE: c_int = 0x20000;
/// The field of an error that has its SQLSTATE.
const PG_DIAG_SQLSTATE: c_int = b'C' as c_int;

/// What of libpq's `ExecStatusType` a restore tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Done, rows, or nothing to do.
    Fine,
    CopyIn,
    /// Data comes.
    CopyOut,
    Failed,
}

/// A connection, which may have failed. One thread at a time uses it.
pub(crate) struct Raw<'v> {
    libpq: &'static Libpq,
    conn: NonNull<c_void>,
    /// What libpq has the address of.
    notices: Option<Box<OnNotice<'v>>>,
    /// The SQLSTATE of the last result that failed, if the server gave one.
    state: Option<SqlState>,
}

/// Values by their keywords.
type Settings = Vec<(Vec<u8>, Vec<u8>)>;

/// Five characters that say what kind of failure it is.
pub type SqlState = [u8; 5];

/// The rows of a result, each with its columns as text; `None` is NULL.
pub type Rows = Vec<Vec<Option<Vec<u8>>>>;

// SAFETY: libpq lets any thread use a connection, one at a time; `&mut self` sees to that where
// something is changed. What `notices` holds is `Send`.
unsafe impl Send for Raw<'_> {}

impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Raw")
    }
}

impl<'v> Raw<'v> {
    fn conn(&self) -> Opaque {
        self.conn.as_ptr()
    }

    fn functions(&self) -> &'static Functions {
        &self.libpq.functions
    }

    pub(crate) fn is_ok(&self) -> bool {
        // SAFETY: the connection lives.
        unsafe { (self.functions().PQstatus)(self.conn()) == CONNECTION_OK }
    }

    /// Whether a query runs, or COPY data is awaited.
    fn is_active(&self) -> bool {
        // SAFETY: the connection lives.
        unsafe { (self.functions().PQtransactionStatus)(self.conn()) == PQTRANS_ACTIVE }
    }

    /// Whether a transaction is open, and nothing runs.
    pub(crate) fn in_transaction(&self) -> bool {
        // SAFETY: the connection lives.
        let status = unsafe { (self.functions().PQtransactionStatus)(self.conn()) };
        matches!(status, PQTRANS_INTRANS | PQTRANS_INERROR)
    }

    pub(crate) fn message(&self) -> Vec<u8> {
        // SAFETY: the connection lives; the text does until the next call, and is copied.
        unsafe { bytes((self.functions().PQerrorMessage)(self.conn())) }
    }

    /// Whether the server wanted a password and there was none.
    pub(crate) fn needs_password(&self) -> bool {
        // SAFETY: the connection lives.
        unsafe { (self.functions().PQconnectionNeedsPassword)(self.conn()) != 0 }
    }

    /// The password that the server took, wherever it came from.
    pub(crate) fn used_password(&self) -> Option<Vec<u8>> {
        // SAFETY: the connection lives; the text does until the next call, and is copied.
        unsafe {
            let used = (self.functions().PQconnectionUsedPassword)(self.conn()) != 0;
            used.then(|| bytes((self.functions().PQpass)(self.conn())))
        }
    }

    pub(crate) fn server_version(&self) -> u32 {
        // SAFETY: the connection lives.
        let version = unsafe { (self.functions().PQserverVersion)(self.conn()) };
        u32::try_from(version).unwrap_or(0)
    }

    /// A setting that the server reports by itself, as `server_version`.
    pub(crate) fn parameter(&self, name: &CStr) -> Vec<u8> {
        // SAFETY: the connection lives; the text does until the next call, and is copied.
        unsafe { bytes((self.functions().PQparameterStatus)(self.conn(), name.as_ptr())) }
    }

    /// From now on these notices go there.
    pub(crate) fn on_notice(&mut self, on_notice: OnNotice<'v>) {
        let on_notice = Box::new(on_notice);
        let address: *const OnNotice<'v> = &*on_notice;
        // SAFETY: the connection lives, and what has this address lives as long: it is dropped
        // after PQfinish, or after the next one was set. libpq calls it from within a call of ours.
        unsafe {
            (self.functions().PQsetNoticeProcessor)(
                self.conn(),
                notice,
                address.cast_mut().cast::<c_void>(),
            );
        }
        self.notices = Some(on_notice);
    }

    /// Sends a query and waits for its end. What libpq says of several results is what counts.
    pub(crate) fn exec(&mut self, sql: &CStr) -> Status {
        // SAFETY: the connection lives, the text until it returns; the result is freed once.
        unsafe { self.status((self.functions().PQexec)(self.conn(), sql.as_ptr())) }
    }

    /// Sends a statement with values in binary form, and waits for its end.
    pub(crate) fn execute(&mut self, sql: &CStr, values: &[Vec<u8>]) -> Status {
        let lens: Option<Vec<c_int>> =
            values.iter().map(|value| c_int::try_from(value.len()).ok()).collect();
        let (Some(lens), Ok(count)) = (lens, c_int::try_from(values.len())) else {
            return Status::Failed;
        };
        let starts: Vec<_> = values.iter().map(|value| value.as_ptr().cast::<c_char>()).collect();
        let binary = vec![1; values.len()];
        // SAFETY: the connection lives, the text and the values until it returns; there are as many
        // addresses, lengths and formats as are said, and NULL for the types lets the server find
        // them. The result is freed once.
        unsafe {
            let result = (self.functions().PQexecParams)(
                self.conn(),
                sql.as_ptr(),
                count,
                ptr::null(),
                starts.as_ptr(),
                lens.as_ptr(),
                binary.as_ptr(),
                0,
            );
            self.status(result)
        }
    }

    /// Sends a query, and gives the rows of its last statement.
    pub(crate) fn rows(&mut self, sql: &CStr) -> Option<Rows> {
        // SAFETY: the connection lives, the text until it returns; the result lives until `status`
        // frees it, and what it holds is copied before.
        unsafe {
            let result = (self.functions().PQexec)(self.conn(), sql.as_ptr());
            let rows = if result.is_null() { Rows::new() } else { self.copied(result) };
            (self.status(result) == Status::Fine).then_some(rows)
        }
    }

    /// # Safety
    ///
    /// The result is one of this libpq's, and lives.
    unsafe fn copied(&self, result: Opaque) -> Rows {
        let functions = self.functions();
        // SAFETY: rows and columns are those that the result has; a value has so many bytes.
        unsafe {
            let (rows, columns) = ((functions.PQntuples)(result), (functions.PQnfields)(result));
            let value = |row, column| {
                if (functions.PQgetisnull)(result, row, column) != 0 {
                    return None;
                }
                let start = (functions.PQgetvalue)(result, row, column).cast::<u8>();
                let len = (functions.PQgetlength)(result, row, column);
                let len = usize::try_from(len).unwrap_or(0);
                Some(std::slice::from_raw_parts(start, len).to_vec())
            };
            (0..rows).map(|row| (0..columns).map(|column| value(row, column)).collect()).collect()
        }
    }

    /// The SQLSTATE of the last result that failed.
    pub(crate) fn state(&self) -> Option<SqlState> {
        self.state
    }

    /// The next result; `None` when there is none.
    pub(crate) fn next_result(&mut self) -> Option<Status> {
        // SAFETY: the connection lives; the result is freed once.
        unsafe {
            let result = (self.functions().PQgetResult)(self.conn());
            (!result.is_null()).then(|| self.status(result))
        }
    }

    /// Whether there is another result, which says nothing of the last one's failure.
    pub(crate) fn has_another(&mut self) -> bool {
        // SAFETY: the connection lives; the result is freed once.
        unsafe {
            let result = (self.functions().PQgetResult)(self.conn());
            (self.functions().PQclear)(result);
            !result.is_null()
        }
    }

    /// # Safety
    ///
    /// The result is one of this libpq's, or NULL, and nobody else has it.
    unsafe fn status(&mut self, result: Opaque) -> Status {
        // SAFETY: libpq takes NULL for a failure in the first, has no field of it in the second,
        // and frees nothing in the third.
        unsafe {
            let status = match (self.functions().PQresultStatus)(result) {
                // PGRES_EMPTY_QUERY, PGRES_COMMAND_OK, PGRES_TUPLES_OK.
                0..=2 => Status::Fine,
                3 => Status::CopyOut,
                4 => Status::CopyIn,
                _ => Status::Failed,
            };
            if status == Status::Failed {
                let state = (self.functions().PQresultErrorField)(result, PG_DIAG_SQLSTATE);
                self.state = SqlState::try_from(bytes(state)).ok();
            }
            (self.functions().PQclear)(result);
            status
        }
    }

    /// Takes the next data of a `COPY … TO STDOUT`, usually a row; `None` at its end, or when it
    /// failed.
    pub(crate) fn copy_data(&mut self, take: &mut dyn FnMut(&[u8]) -> bool) -> Option<bool> {
        let mut buffer: *mut c_char = ptr::null_mut();
        // SAFETY: the connection lives. What it gives has so many bytes, and is freed once, after
        // its last use: `take` cannot keep it.
        unsafe {
            let len = (self.functions().PQgetCopyData)(self.conn(), &raw mut buffer, 0);
            let len = usize::try_from(len).ok().filter(|_| !buffer.is_null())?;
            let buffer = Buffer { libpq: self.libpq, start: buffer };
            Some(take(std::slice::from_raw_parts(buffer.start.cast::<u8>(), len)))
        }
    }

    /// The settings of the connection, without what libpq takes by itself, and those that are
    /// secret, but for the password. Of several hosts it is the one that was connected to.
    pub(crate) fn settings(&self) -> (Settings, Settings) {
        let functions = self.functions();
        let (mut all, mut secrets) = (Settings::new(), Settings::new());
        // SAFETY: the connection lives. The list ends with a keyword that is NULL; its texts are
        // copied before it is freed, once.
        let (host, port) = unsafe {
            let list = (functions.PQconninfo)(self.conn());
            let mut next = list.cast_const();
            while !next.is_null() && !(*next).keyword.is_null() {
                let Setting { keyword, envvar, compiled, val, dispchar, .. } = &*next;
                let (keyword, value) = (bytes(*keyword), bytes(*val));
                // libpq does not mark the keys of SCRAM (since 18) as what they are.
                let is_secret = bytes(*dispchar).contains(&b'*') || keyword.starts_with(b"scram_");
                // libpq fills this one in later (since 16), and older programs do not know it.
                let is_filled_in = keyword == b"sslcertmode" && value == b"allow";
                let is_default = is_filled_in || (!compiled.is_null() && value == bytes(*compiled));
                let environment = String::from_utf8(bytes(*envvar)).unwrap_or_default();
                let is_set = !environment.is_empty() && std::env::var_os(environment).is_some();
                if !val.is_null() && (!is_default || is_set) {
                    match is_secret {
                        false => all.push((keyword, value)),
                        true if keyword == b"password" => {}
                        true => secrets.push((keyword, value)),
                    }
                }
                next = next.add(1);
            }
            (functions.PQconninfoFree)(list);
            (bytes((functions.PQhost)(self.conn())), bytes((functions.PQport)(self.conn())))
        };
        let several = all.iter().any(|(name, value)| name == b"hostaddr" && value.contains(&b','));
        let is_by_address = !several && all.iter().any(|(name, _)| name == b"hostaddr");
        all.retain(|(name, _)| {
            !matches!(&name[..], b"port")
                && (is_by_address || !matches!(&name[..], b"host" | b"hostaddr"))
        });
        if !is_by_address {
            all.push((b"host".to_vec(), host));
        }
        all.push((b"port".to_vec(), port));
        (all, secrets)
    }

    /// Sends COPY data, no more than libpq can count; says whether the connection took it.
    pub(crate) fn put_copy_data(&mut self, data: &[u8]) -> bool {
        let Ok(len) = c_int::try_from(data.len()) else { return false };
        // SAFETY: the connection lives, and so many bytes are there.
        unsafe {
            (self.functions().PQputCopyData)(self.conn(), data.as_ptr().cast::<c_char>(), len) > 0
        }
    }

    /// Ends COPY data, or gives it up for a reason; says whether the connection took that.
    pub(crate) fn put_copy_end(&mut self, gives_up: Option<&CStr>) -> bool {
        // SAFETY: the connection lives, and the text until it returns; NULL is for success.
        unsafe {
            let reason = gives_up.map_or(ptr::null(), CStr::as_ptr);
            (self.functions().PQputCopyEnd)(self.conn(), reason) > 0
        }
    }

    /// Whether libpq comes back before it has sent all; says whether it does as it is told.
    pub(crate) fn set_nonblocking(&mut self, nonblocking: bool) -> bool {
        // SAFETY: the connection lives.
        unsafe { (self.functions().PQsetnonblocking)(self.conn(), nonblocking.into()) == 0 }
    }

    /// Sends what waits; says whether that was all of it. `None`: the connection is lost.
    pub(crate) fn flush(&mut self) -> Option<bool> {
        // SAFETY: the connection lives.
        match unsafe { (self.functions().PQflush)(self.conn()) } {
            0 => Some(true),
            1 => Some(false),
            _ => None,
        }
    }

    /// Has libpq take what has come; says whether the connection is still there.
    pub(crate) fn consume(&mut self) -> bool {
        // SAFETY: the connection lives.
        unsafe { (self.functions().PQconsumeInput)(self.conn()) == 1 }
    }

    #[cfg(unix)]
    pub(crate) fn socket(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        // SAFETY: the connection lives. Its socket does until the next call that changes the
        // connection, for which the borrow has to end.
        unsafe {
            let socket = (self.functions().PQsocket)(self.conn());
            (socket >= 0).then(|| std::os::fd::BorrowedFd::borrow_raw(socket))
        }
    }

    pub(crate) fn lo_create(&mut self, oid: u32) -> u32 {
        // SAFETY: the connection lives.
        unsafe { (self.functions().lo_create)(self.conn(), oid) }
    }

    pub(crate) fn lo_open(&mut self, oid: u32) -> i32 {
        // SAFETY: the connection lives.
        unsafe { (self.functions().lo_open)(self.conn(), oid, INV_WRITE) }
    }

    pub(crate) fn lo_write(&mut self, descriptor: i32, data: &[u8]) -> i32 {
        // SAFETY: the connection lives, and so many bytes are there.
        unsafe {
            let start = data.as_ptr().cast::<c_char>();
            (self.functions().lo_write)(self.conn(), descriptor, start, data.len())
        }
    }

    pub(crate) fn lo_close(&mut self, descriptor: i32) {
        // SAFETY: the connection lives.
        unsafe { (self.functions().lo_close)(self.conn(), descriptor) };
    }

    /// What cancels this connection's query, from any thread.
    pub(crate) fn canceller(&self) -> Option<Canceller> {
        // SAFETY: the connection lives. What is made is a copy of its addresses and keys.
        let handle = unsafe {
            match &self.libpq.cancel {
                Some(functions) => {
                    Handle::New(NonNull::new((functions.PQcancelCreate)(self.conn()))?)
                }
                None => Handle::Old(NonNull::new((self.functions().PQgetCancel)(self.conn()))?),
            }
        };
        Some(Canceller { libpq: self.libpq, handle: Mutex::new(handle) })
    }
}

impl Drop for Raw<'_> {
    fn drop(&mut self) {
        if self.is_active() && self.is_ok() {
            // What runs is not wanted any more.
            if let Some(canceller) = self.canceller() {
                canceller.cancel();
            }
        }
        // SAFETY: it lived until now; nobody has it after this.
        unsafe { (self.functions().PQfinish)(self.conn()) };
    }
}

/// What libpq allocated for the data of a COPY.
struct Buffer {
    libpq: &'static Libpq,
    start: *mut c_char,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: libpq gave it, and nobody else has it.
        unsafe { (self.libpq.functions.PQfreemem)(self.start.cast::<c_void>()) };
    }
}

extern "C" fn notice(to: *mut c_void, message: *const c_char) {
    // SAFETY: `to` is what `on_notice` gave, which lives; the message lives until this returns.
    let (to, message) = unsafe { (&*to.cast::<OnNotice<'_>>(), bytes(message)) };
    // A panic must not go through libpq.
    let _ = catch_unwind(AssertUnwindSafe(|| to(&message)));
}

/// # Safety
///
/// NULL, or the address of a C string.
unsafe fn bytes(text: *const c_char) -> Vec<u8> {
    if text.is_null() {
        return Vec::new();
    }
    // SAFETY: as the caller says.
    unsafe { CStr::from_ptr(text) }.to_bytes().to_vec()
}

/// Cancels the query of a connection, which may be gone by then.
pub(crate) struct Canceller {
    libpq: &'static Libpq,
    handle: Mutex<Handle>,
}

#[derive(Clone, Copy)]
enum Handle {
    Old(NonNull<c_void>),
    New(NonNull<c_void>),
}

// SAFETY: libpq lets any thread use these; the mutex sees that it is one at a time.
unsafe impl Send for Handle {}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canceller")
    }
}

impl Canceller {
    /// Asks the server to cancel; waits until it has heard it, not until it is done.
    pub(crate) fn cancel(&self) {
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        match *handle {
            Handle::Old(cancel) => {
                let mut message = [0_u8; 256];
                let len = c_int::try_from(message.len()).unwrap_or(0);
                let start = message.as_mut_ptr().cast::<c_char>();
                // SAFETY: it lives, and so many bytes are there.
                unsafe { (self.libpq.functions.PQcancel)(cancel.as_ptr(), start, len) };
            }
            Handle::New(cancel) => {
                if let Some(functions) = &self.libpq.cancel {
                    // SAFETY: it lives, and the lock is held.
                    unsafe {
                        (functions.PQcancelBlocking)(cancel.as_ptr());
                        // For the next time.
                        (functions.PQcancelReset)(cancel.as_ptr());
                    }
                }
            }
        }
    }
}

impl Drop for Canceller {
    fn drop(&mut self) {
        let handle = self.handle.get_mut().unwrap_or_else(PoisonError::into_inner);
        match (*handle, &self.libpq.cancel) {
            // SAFETY: it lived until now; nobody has it after this.
            (Handle::Old(cancel), _) => unsafe {
                (self.libpq.functions.PQfreeCancel)(cancel.as_ptr());
            },
            // SAFETY: it lived until now; nobody has it after this.
            (Handle::New(cancel), Some(functions)) => unsafe {
                (functions.PQcancelFinish)(cancel.as_ptr());
            },
            (Handle::New(_), None) => {}
        }
    }
}
