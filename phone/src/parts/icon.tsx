// Tiny drawings beside words. Owns their lines; never the only carrier of a meaning.

const LINES = {
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  down: "M12 5v13M6 12l6 6 6-6",
  check: "M5 13l4.5 4.5L19 7",
  cross: "M6 6l12 12M18 6L6 18",
  dash: "M6 12h12",
  phone: "M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM11 18h2",
  up: "M12 19V6M6 12l6-6 6 6",
  sent: "M3 12.5l4 4 8-9M11 16l.5.5 8.5-9.5",
  alert: "M12 4L2.5 20h19zM12 10v4M12 17v.3",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5M12 8v.3",
  eye: "M3 3l18 18M10 6.300A9 9 0 0 1 12 6c5 0 8.5 4 9.5 6a13 13 0 0 1-2.5 3.300M6.5 7.800A13 13 0 0 0 2.5 12c1 2 4.5 6 9.5 6a9 9 0 0 0 4.2-1M10 10a3 3 0 0 0 4 4",
  camera: "M4 8h3l2-3h6l2 3h3v11H4zM12 16.500a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.400z",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9v.2",
  comment: "M4 5h16v11H10l-5 4v-4H4z",
  list: "M9 6h11M9 12h11M9 18h11M4 6h.5M4 12h.5M4 18h.5",
  gear: "M4 7h8M18 7h2M15 4.500a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5zM4 17h2M12 17h8M9 14.500a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  pin: "M12 21s7-6.5 7-12a7 7 0 0 0-14 0c0 5.5 7 12 7 12zM12 11.500a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.5 2",
  undo: "M9 14L4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
  trash: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
  leave: "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20c1-4 4-5.5 7.5-5.500s6.5 1.5 7.5 5.5",
  plus: "M12 5v14M5 12h14",
  qr: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 14h2M14 18h2v2M19 17v3h-1",
  returned: "M4 10h11a5 5 0 0 1 0 10h-4M4 10l5-5M4 10l5 5",
  two: "M4 5h7v14H4zM13 5h7v14h-7z",
  play: "M8 5l11 7-11 7z",
  pause: "M8 5v14M16 5v14",
  mic: "M12 14.500a3.5 3.5 0 0 0 3.5-3.500V6.500a3.5 3.5 0 0 0-7 0V11a3.5 3.5 0 0 0 3.5 3.500zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.500V21",
  file: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
  stop: "M6 6h12v12H6z",
} as const;

export type IconName = keyof typeof LINES;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={LINES[name]} />
    </svg>
  );
}
