// The version of this command: that of its package.
export const VERSION = "0.1.0";
