/** Shows /openapi.json. Everything is put into the page as text, never as markup. */

/** An element; children that are strings become text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children.flat().filter((child) => child !== undefined && child !== ''))
  return element
}

/** Text in which `code` is set apart. */
function prose(text = '') {
  return text.split('`').map((part, index) => (index % 2 === 1 ? make('code', {}, part) : part))
}

function resolve(root, node) {
  if (typeof node?.$ref !== 'string') return node ?? {}
  return node.$ref
    .slice(2)
    .split('/')
    .reduce((found, name) => found?.[name], root)
}

function nameOf(node) {
  return typeof node?.$ref === 'string' ? node.$ref.split('/').at(-1) : undefined
}

/** A schema in a few words. */
function inWords(schema) {
  const name = nameOf(schema)
  if (name !== undefined) return name
  if (schema === undefined) return 'anything'
  if ('const' in schema) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join(' | ')
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return choices.map(inWords).join(' or ')
  if (schema.type === 'array') return `list of ${inWords(schema.items)}`
  const type = [schema.type ?? 'anything'].flat().join(' or ')
  const limits = [
    schema.format,
    schema.pattern && `/${schema.pattern}/`,
    schema.maxLength && `at most ${schema.maxLength} characters`,
    schema.minimum !== undefined && `from ${schema.minimum}`,
    schema.maximum !== undefined && `to ${schema.maximum}`,
    schema.default !== undefined && `default ${JSON.stringify(schema.default)}`,
  ].filter(Boolean)
  return limits.length === 0 ? type : `${type} (${limits.join(', ')})`
}

/** The members of an object, unfolded where somebody wants to see them. */
function members(root, schema, seen = []) {
  const name = nameOf(schema)
  const resolved = resolve(root, schema)
  if (name !== undefined && seen.includes(name)) return make('p', {}, `see ${name} above`)
  const below = name === undefined ? seen : [...seen, name]
  const choices = resolved.anyOf ?? resolved.oneOf
  const about = resolved.description ? [make('p', {}, prose(resolved.description))] : []
  if (choices) {
    const shown = choices.filter((choice) => choice.type !== 'null')
    return make('div', {}, about, ...shown.map((choice) => unfolding(root, choice, below)))
  }
  if (resolved.type === 'array') return unfolding(root, resolved.items, below)
  const rows = Object.entries(resolved.properties ?? {}).map(([key, value]) => {
    const required = resolved.required?.includes(key) ? ' *' : ''
    return make('tr', {}, make('th', { scope: 'row' }, `${key}${required}`), make('td', {}, unfolding(root, value, below)))
  })
  const others = typeof resolved.additionalProperties === 'object' ? resolved.additionalProperties : undefined
  if (others) {
    rows.push(make('tr', {}, make('th', { scope: 'row' }, 'any other name'), make('td', {}, unfolding(root, others, below))))
  }
  if (rows.length === 0) return make('div', {}, about, make('p', {}, inWords(resolved)))
  return make('div', {}, about, make('table', {}, make('tbody', {}, rows)))
}

/** In words, and with its members behind them if it has any; they are made when they are first asked for. */
function unfolding(root, schema, seen) {
  const resolved = resolve(root, schema)
  const inner = resolved.type === 'array' ? resolve(root, resolved.items) : resolved
  const deep = [inner, ...(inner.anyOf ?? inner.oneOf ?? [])].some((one) => {
    const { properties, additionalProperties } = resolve(root, one)
    return properties !== undefined || typeof additionalProperties === 'object'
  })
  const about =
    nameOf(schema) === undefined && schema?.description ? [' ', make('span', { class: 'about' }, prose(schema.description))] : []
  if (!deep) return make('span', {}, make('code', {}, inWords(schema)), about)
  const details = make('details', {}, make('summary', {}, make('code', {}, inWords(schema)), about))
  details.addEventListener('toggle', () => details.append(members(root, schema, seen)), { once: true })
  return details
}

/** Filters of one field share a line. */
function parameterRows(root, parameters) {
  const groups = Map.groupBy(parameters, ({ name }) => /^filter\[\w+\]/.exec(name)?.[0] ?? name)
  return [...groups].map(([name, group]) => {
    const [first] = group
    const operators = group.map((one) => one.name.slice(name.length)).filter((rest) => rest !== '')
    const more =
      operators.length > 0
        ? make(
            'p',
            {},
            'also ',
            operators.flatMap((rest) => [make('code', {}, rest), ' ']),
          )
        : ''
    const mark = first.required ? ' *' : ''
    return make(
      'tr',
      {},
      make('th', { scope: 'row' }, `${name}${mark}`, make('small', {}, ` ${first.in}`)),
      make('td', {}, unfolding(root, first.schema, []), make('p', {}, prose(first.description)), more),
    )
  })
}

function section(title, ...children) {
  return [make('h4', {}, title), ...children]
}

function contentOf(root, content = {}) {
  const [[type, { schema }] = [undefined, {}]] = Object.entries(content)
  return type === undefined
    ? ''
    : make('div', {}, make('small', {}, `${Object.keys(content).join(', ')} `), unfolding(root, schema, []))
}

function responses(root, operation) {
  return make(
    'table',
    {},
    make(
      'tbody',
      {},
      Object.entries(operation.responses).map(([status, given]) => {
        const response = resolve(root, given)
        const headers = Object.keys(response.headers ?? {})
        return make(
          'tr',
          { class: status < 400 ? 'good' : 'bad' },
          make('th', { scope: 'row' }, status),
          make(
            'td',
            {},
            make('p', {}, prose(response.description)),
            contentOf(root, response.content),
            headers.length > 0 ? make('small', {}, `headers: ${headers.join(', ')}`) : '',
          ),
        )
      }),
    ),
  )
}

function show(root, path, item, method, operation) {
  const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((one) => resolve(root, one))
  const details = make(
    'details',
    { class: 'operation', id: operation.operationId },
    make(
      'summary',
      {},
      make('span', { class: `method ${method}` }, method.toUpperCase()),
      ' ',
      make('code', {}, path),
      ' ',
      make('span', { class: 'about' }, operation.summary),
    ),
  )
  const fill = () => {
    details.append(
      make(
        'div',
        { class: 'body' },
        operation.description ? make('p', {}, prose(operation.description)) : '',
        operation.security?.length === 0 ? make('p', {}, 'No token needed.') : '',
        parameters.length > 0 ? section('Parameters', make('table', {}, make('tbody', {}, parameterRows(root, parameters)))) : '',
        operation.requestBody ? section('Body', contentOf(root, operation.requestBody.content)) : '',
        section('Answers', responses(root, operation)),
      ),
    )
  }
  details.addEventListener('toggle', fill, { once: true })
  return details
}

function render(root) {
  const [main, contents] = [document.querySelector('#main'), document.querySelector('#contents')]
  document.querySelector('#version').textContent = `version ${root.info.version}, OpenAPI ${root.openapi}`
  const shown = [make('p', { class: 'lead' }, prose(root.info.description))]
  const links = []
  const entries = Object.entries(root.paths).flatMap(([path, item]) =>
    ['get', 'post', 'patch', 'delete'].flatMap((method) =>
      item[method] ? [{ path, item, method, operation: item[method] }] : [],
    ),
  )
  for (const tag of root.tags) {
    const own = entries.filter(({ operation }) => operation.tags.includes(tag.name))
    const list = make(
      'ul',
      {},
      own.map(({ method, operation }) =>
        make(
          'li',
          { 'data-of': operation.operationId },
          make(
            'a',
            { href: `#${operation.operationId}` },
            make('span', { class: `method ${method}` }, method.toUpperCase()),
            ` ${operation.summary}`,
          ),
        ),
      ),
    )
    links.push(make('section', {}, make('h3', {}, tag.name), list))
    const operations = own.map(({ path, item, method, operation }) => show(root, path, item, method, operation))
    shown.push(make('section', {}, make('h2', {}, tag.name), make('p', {}, prose(tag.description)), operations))
  }
  main.replaceChildren(...shown)
  contents.replaceChildren(...links)
  document.querySelector('#find').addEventListener('input', ({ target }) => find(entries, target.value))
  addEventListener('hashchange', follow)
  follow()
}

function find(entries, text) {
  const wanted = text.trim().toLowerCase()
  for (const { path, method, operation } of entries) {
    const matches = `${method} ${path} ${operation.summary} ${operation.operationId}`.toLowerCase().includes(wanted)
    document.getElementById(operation.operationId).hidden = !matches
    document.querySelector(`[data-of="${CSS.escape(operation.operationId)}"]`).hidden = !matches
  }
  for (const part of document.querySelectorAll('section')) {
    const items = [...part.querySelectorAll('.operation, li')]
    part.hidden = items.length > 0 && items.every((item) => item.hidden)
  }
}

/** Opens the operation that the address names. */
function follow() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)))
  if (!(named instanceof HTMLDetailsElement)) return
  named.open = true
  named.scrollIntoView({ block: 'start' })
}

try {
  const answer = await fetch('/openapi.json')
  if (!answer.ok) throw new Error(`it was answered with ${answer.status}`)
  render(await answer.json())
} catch (error) {
  document.querySelector('#state').textContent = `The description could not be shown: ${error.message}`
}
