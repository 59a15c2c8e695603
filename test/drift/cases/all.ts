import type { DriftCase } from '../drift-case.ts'
import { admissionCases } from './admission.ts'
import { apiCases } from './apis.ts'
import { comeAndGoCases } from './come-and-go.ts'
import { coreCases } from './core.ts'
import { customCases } from './customs.ts'
import { intruderCases } from './intruders.ts'
import { readingCases } from './readings.ts'
import { workloadCases } from './workloads.ts'

export const allCases: readonly DriftCase[] = [
  ...workloadCases,
  ...coreCases,
  ...apiCases,
  ...customCases,
  ...admissionCases,
  ...comeAndGoCases,
  ...readingCases,
  ...intruderCases,
]
