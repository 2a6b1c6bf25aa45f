// Stands in for the screens until they are here: shows where the app stands, as text.

import type { Core } from "./core/api";

export function App({ core }: { core: Core }) {
  return (
    <p role="status">
      {core.standing.value.is} {core.sync.value.pill}
    </p>
  );
}
