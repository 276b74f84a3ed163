// For TypeScript only, which then does not read the library itself. The page uses its global, `tus`.
export {};
