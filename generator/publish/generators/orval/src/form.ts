/** A multipart form: the items of a list one by one, objects as JSON text. */
export function form(fields: object): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one instanceof Blob) made.append(name, one);
      else if (one !== undefined) made.append(name, typeof one === "object" ? JSON.stringify(one) : String(one));
    }
  }
  return made;
}
