/**
 * One run under way at a time, and each question answered by a run that began after it was asked: those who ask during a
 * run share the next one.
 */
export class Coalesced<Question, Answer> {
  private readonly run: (questions: readonly Question[]) => Promise<Answer>
  private running: Promise<unknown> | undefined
  private next: { questions: Question[]; answer: Promise<Answer> } | undefined

  /** @param run gets all questions that were asked before it began. */
  constructor(run: (questions: readonly Question[]) => Promise<Answer>) {
    this.run = run
  }

  ask(question: Question): Promise<Answer> {
    if (this.next) {
      this.next.questions.push(question)
      return this.next.answer
    }
    const questions = [question]
    const before = this.running ?? Promise.resolve()
    const answer = before.then(() => {
      this.next = undefined
      return this.run(questions)
    })
    const ended = answer.then(
      () => undefined,
      () => undefined,
    )
    this.running = ended
    this.next = { questions, answer }
    return answer
  }

  /** Resolves when nothing runs and nobody waits. */
  async idle(): Promise<void> {
    while (this.next) await this.running
    await this.running
  }
}
