/** Lets the user choose a folder of images, with a button or by dropping it on the page. */
import type { OpenedFolder } from './page-backend.js';

export class FolderChooser {
  private readonly input = document.createElement('input');

  /** @param dropZone accepts dropped folders. @param opened is called with each folder that the user chooses. */
  constructor(dropZone: HTMLElement, opened: (folder: OpenedFolder) => void) {
    this.input.type = 'file';
    this.input.id = 'folder';
    this.input.multiple = true;
    this.input.webkitdirectory = true;
    this.input.hidden = true;
    document.body.append(this.input);
    this.input.addEventListener('change', () => {
      const files = [...(this.input.files ?? [])];
      if (files.length > 0)
        opened(folderOf(files.map((file) => [file.webkitRelativePath || file.name, file])));
    });
    dropZone.addEventListener('dragover', (event) => event.preventDefault());
    dropZone.addEventListener('drop', (event) => {
      event.preventDefault();
      const entries = [...(event.dataTransfer?.items ?? [])].flatMap((item) => item.webkitGetAsEntry() ?? []);
      void Promise.all(entries.map(filesOf)).then((found) => {
        if (found.flat().length > 0) opened(folderOf(found.flat()));
      });
    });
  }

  choose(): void {
    // The same folder may be chosen again, where it could not be opened.
    this.input.value = '';
    this.input.click();
  }
}

/** The files by path. If all of them are in one folder, the paths are relative to it. */
function folderOf(files: readonly (readonly [path: string, file: File])[]): OpenedFolder {
  const [first] = files[0]![0].split('/');
  const common = files.every(([path]) => path.startsWith(`${first}/`));
  return {
    name: common ? first! : 'images',
    files: new Map(files.map(([path, file]) => [common ? path.slice(first!.length + 1) : path, file])),
  };
}

/** All files of a dropped folder, or the file itself, with their paths. */
async function filesOf(entry: FileSystemEntry): Promise<[string, File][]> {
  const path = entry.fullPath.replace(/^\//, '');
  if (entry.isFile) {
    return [
      [
        path,
        await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)),
      ],
    ];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: FileSystemEntry[] = [];
  // `readEntries` returns the entries in batches; an empty batch is the end.
  for (;;) {
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (batch.length === 0) break;
    found.push(...batch);
  }
  return (await Promise.all(found.map(filesOf))).flat();
}
