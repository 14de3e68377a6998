import Testing
import Training

@Suite struct PlanTests {
  @Test func stagesShareTheSteps() {
    let plan = TrainingPlan(
      stageCount: 3, stepsPerEpoch: 10, length: .total(2), rates: RateSchedule(peak: 1))
    #expect((0..<3).map(plan.steps(ofStage:)) == [0..<6, 6..<13, 13..<20])
    let each = TrainingPlan(
      stageCount: 3, stepsPerEpoch: 10, length: .perStage(0.5), rates: RateSchedule(peak: 1))
    #expect(each.stepCount == 15 && each.steps(ofStage: 2) == 10..<15)
  }

  @Test func theFirstStageCanHaveALengthOfItsOwn() {
    func stages(_ length: TrainingPlan.Length, first: Double) -> [Range<Int>] {
      let plan = TrainingPlan(
        stageCount: 3, stepsPerEpoch: 10, length: length,
        leading: [.init(stageCount: 1, epochs: first)],
        rates: RateSchedule(peak: 1))
      #expect(plan.steps(ofStage: 2).upperBound == plan.stepCount)
      return (0..<3).map(plan.steps(ofStage:))
    }
    #expect(stages(.total(2), first: 1) == [0..<10, 10..<15, 15..<20])
    #expect(stages(.total(2), first: 2) == [0..<20, 20..<20, 20..<20])
    #expect(stages(.total(2), first: 0) == [0..<0, 0..<10, 10..<20])
    #expect(stages(.perStage(0.5), first: 3) == [0..<30, 30..<35, 35..<40])
  }

  @Test func severalGroupsOfStagesCanLead() {
    func stages(_ length: TrainingPlan.Length, others: Int) -> [Range<Int>] {
      let plan = TrainingPlan(
        stageCount: 3 + others, stepsPerEpoch: 10, length: length,
        leading: [.init(stageCount: 2, epochs: 0.5), .init(stageCount: 1, epochs: 1)],
        rates: RateSchedule(peak: 1))
      #expect(plan.steps(ofStage: 2 + others).upperBound == plan.stepCount)
      return (0..<3 + others).map(plan.steps(ofStage:))
    }
    // Ends are rounded: 0.35 and 0.55 epochs of 10 steps are 4 and 5 or 9 together, never 4 and 6.
    let short = TrainingPlan(
      stageCount: 3, stepsPerEpoch: 10, length: .total(0.93),
      leading: [.init(stageCount: 1, epochs: 0.35), .init(stageCount: 1, epochs: 0.55)],
      rates: RateSchedule(peak: 1))
    #expect((0..<3).map(short.steps(ofStage:)) == [0..<4, 4..<9, 9..<9])
    #expect(stages(.total(2), others: 2) == [0..<2, 2..<5, 5..<15, 15..<17, 17..<20])
    #expect(stages(.total(1.5), others: 0) == [0..<2, 2..<5, 5..<15])
    #expect(stages(.perStage(2), others: 1) == [0..<2, 2..<5, 5..<15, 15..<35])
  }

  @Test func ratesFollowTheirCourse() {
    let constant = RateSchedule(peak: 0.5, course: .constant, warmup: 4)
    #expect((0..<6).map { constant.rate(at: $0, of: 6) } == [0.125, 0.25, 0.375, 0.5, 0.5, 0.5])
    let steps = RateSchedule(peak: 1, course: .step(at: [0.5, 0.75], factor: 0.5))
    #expect((0..<8).map { steps.rate(at: $0, of: 8) } == [1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25])
    let cosine = RateSchedule(peak: 1, course: .cosine, warmup: 2)
    #expect(cosine.rate(at: 2, of: 10) == 1 && abs(cosine.rate(at: 6, of: 10) - 0.5) < 0x1p-24)
    #expect(cosine.rate(at: 9, of: 10) < 0.05)
  }

  @Test func ratesCanBeginAnewWithEveryStage() {
    let plan = TrainingPlan(
      stageCount: 2, stepsPerEpoch: 4, length: .perStage(1),
      rates: RateSchedule(peak: 1, course: .step(at: [0.5], factor: 0.5)), restartsRates: true)
    let rates = (0..<8).map { plan.rate(at: $0, inStage: $0 / 4) }
    #expect(rates == [1, 1, 0.5, 0.5, 1, 1, 0.5, 0.5])
  }
}
