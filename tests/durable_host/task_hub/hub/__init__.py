"""The hub as a whole: opened, created, written to, looked at, purged and rewound."""
