//! The methods the API knows, and the lanes in which requests are worked on.

crate::names! {
    pub enum Method {
        Get = "GET",
        Head = "HEAD",
        Post = "POST",
        Put = "PUT",
        Patch = "PATCH",
        Delete = "DELETE",
        Options = "OPTIONS",
        Other = "OTHER",
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

crate::names! {
    /// Which worker threads run a route: what waits has workers of its own, so that a silent model can
    /// starve neither recall nor logins.
    pub enum Lane {
        /// Answers from memory and disk.
        Fast = "fast",
        /// Costly hashes: logins and keys.
        Hash = "hash",
        /// Waits for an upstream server.
        Model = "model",
        /// Waits for a child process.
        Process = "process",
    }
}
