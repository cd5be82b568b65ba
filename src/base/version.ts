/** Set by the bundler from package.json; a plain tsc build has none. */
declare const LBD_VERSION: string | undefined;

export const VERSION: string = typeof LBD_VERSION === 'string' ? LBD_VERSION : '0.0.0-dev';
