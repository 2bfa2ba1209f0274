/** A program: unpacks the packed Chromium into the folder for temporary files, which is the only one it knows. */
import packed from "@sparticuz/chromium";

await packed.executablePath();
