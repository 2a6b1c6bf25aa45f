// The app's own camera: takes a picture without a sound and without leaving the app, so that a photo is known to be of this moment.
// Owns the stream and its end; where there is no camera or no permission it says so and offers the phone's own.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { isHidden } from "../view/hidden";
import type { Picture } from "../view/picture";
import { words } from "../view/prefs";
import { Button, Dialog, Notice } from "./basic";

/** Whether this browser lets a page use a camera at all. */
export const hasCamera = (): boolean => !!navigator.mediaDevices?.getUserMedia;

/** What is asked of the camera: more than is sent, so that the editor may cut nothing away for lack of points. */
const WANTED: MediaTrackConstraints = { facingMode: { ideal: "environment" }, width: { ideal: 2560 }, height: { ideal: 1920 } };

/** The frame that is seen now. */
function frameOf(video: HTMLVideoElement): Picture | null {
  const { videoWidth: width, videoHeight: height } = video;
  if (!width || !height) return null;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  return { source: canvas, width, height, free: () => (canvas.width = 0) };
}

export function Camera(props: { onPicture: (picture: Picture, takenMs: number) => void; onCancel: () => void; children: preact.ComponentChildren }) {
  const t = words.value.photo;
  const video = useRef<HTMLVideoElement>(null);
  const state = useSignal<"waiting" | "here" | "denied" | "none">("waiting");
  useEffect(() => {
    let stream: MediaStream | null = null;
    let round = 0;
    const stop = () => {
      round++;
      stream?.getTracks().forEach((it) => it.stop());
      stream = null;
    };
    const start = async () => {
      const mine = ++round;
      state.value = "waiting";
      try {
        const found = await navigator.mediaDevices.getUserMedia({ video: WANTED, audio: false });
        if (mine !== round || !video.current) return found.getTracks().forEach((it) => it.stop());
        stream = found;
        video.current.srcObject = found;
        await video.current.play();
        if (mine === round) state.value = "here";
      } catch (error) {
        if (mine !== round) return;
        stop();
        state.value = error instanceof DOMException && error.name === "NotAllowedError" ? "denied" : "none";
      }
    };
    // No camera runs, and no light of it shines, while the screen is hidden or the app is away.
    const follow = () => (isHidden.peek() || document.visibilityState === "hidden" ? stop() : void start());
    const unhide = isHidden.subscribe(follow);
    document.addEventListener("visibilitychange", follow);
    return () => {
      unhide();
      document.removeEventListener("visibilitychange", follow);
      stop();
    };
  }, []);
  const shoot = () => {
    const picture = state.value === "here" && video.current ? frameOf(video.current) : null;
    if (picture) props.onPicture(picture, Date.now());
  };
  const isOff = state.value === "denied" || state.value === "none";
  return (
    <Dialog title={t.camera} onClose={props.onCancel} full>
      {isOff ? (
        <Notice tone="warn" icon="camera" alert>
          <p>{state.value === "denied" ? t.cameraDenied : t.cameraNone}</p>
        </Notice>
      ) : (
        <div class="stage finder">
          <video ref={video} muted playsInline aria-label={t.finder} />
        </div>
      )}
      <p role="status" class={state.value === "waiting" ? "hint" : "seen-not"}>
        {state.value === "waiting" && t.cameraWaits}
      </p>
      <div class="row end last">
        {props.children}
        {!isOff && (
          <Button kind="main" icon="camera" busy={state.value !== "here"} onClick={shoot}>
            {t.shoot}
          </Button>
        )}
      </div>
    </Dialog>
  );
}
