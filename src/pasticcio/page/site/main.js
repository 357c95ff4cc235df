// The page: first version.
export {};
