/** `doctor`: what is wrong with this host, worst first, each with its cure. */
import type { ApiDoctor, ApiFinding } from '../../control/api.js';
import { line, type Style, sentence, styled, type View } from './text.js';

const STYLES: Readonly<Record<ApiFinding['severity'], Style | undefined>> = {
  critical: 'red',
  warning: 'yellow',
  info: undefined,
  ok: 'green',
};
const SEVERITIES = ['critical', 'warning', 'info', 'ok'] as const;
const INDENT = ' '.repeat(10);
/** Cures that a reboot forgets. */
const FLEETING = /^(sysctl|nft|ip) /;

function oneFinding(view: View, { severity, topic, text, cure }: ApiFinding): string {
  const head = sentence(view, styled(severity.toUpperCase().padEnd(INDENT.length), STYLES[severity]), `${topic}: ${text}`);
  return cure === '' ? head : head + sentence(view, `${INDENT}cure: `, styled(cure, 'bold'));
}

function summary(view: View, findings: readonly ApiFinding[]): string {
  const counts = SEVERITIES.map((severity) => [findings.filter((one) => one.severity === severity).length, severity] as const);
  return line(
    view,
    counts
      .filter(([count]) => count > 0)
      .map(([count, severity]) => `${count} ${severity}`)
      .join(', ') || 'nothing to judge',
  );
}

export function renderDoctor(view: View, { findings }: ApiDoctor): string {
  const groups = SEVERITIES.map((severity) => findings.filter((one) => one.severity === severity));
  const shown = groups.filter((group) => group.length > 0).map((group) => group.map((one) => oneFinding(view, one)).join(''));
  const fleeting = findings.some((one) => FLEETING.test(one.cure));
  const text = "A reboot forgets these cures: sysctls belong into /etc/sysctl.d, rules into the firewall's own configuration.";
  return [...shown, fleeting ? sentence(view, styled(text, 'dim')) : '', summary(view, findings)]
    .filter((part) => part !== '')
    .join('\n');
}
