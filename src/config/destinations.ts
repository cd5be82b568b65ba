/** Everything that may be in a virtual server's table: its real servers, and the sorry server last. */
export const destinationsOf = <T>({
  realServers,
  sorry,
}: {
  readonly realServers: readonly T[];
  readonly sorry: T | undefined;
}): readonly T[] => (sorry ? [...realServers, sorry] : realServers);
