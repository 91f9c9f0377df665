package peer;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport.IssueSeverity;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirDefaultPolicyAdvisor;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.r5.elementmodel.Element;
import org.hl7.fhir.r5.model.ElementDefinition;
import org.hl7.fhir.r5.model.StructureDefinition;
import org.hl7.fhir.r5.utils.validation.IMessagingServices;
import org.hl7.fhir.r5.utils.validation.IResourceValidator;
import org.hl7.fhir.utilities.validation.ValidationMessage;

/**
 * HL7's instance validator for R4 without a network: NDJSON in, NDJSON out, one JVM for any number of resources.
 *
 * <p>In: {@code {"name": ..., "resource": {...}}} a line. Out, a line for each, in order and flushed:
 * {@code {"name": ..., "issues": [{"severity", "location", "message"}]}}. Arguments: folders (read in depth) of our
 * own conformance resources as JSON, known to the validator by their canonical address.
 *
 * <p>LOINC, SNOMED CT and RxNorm are not shipped, so their codes are not checked here.
 */
public final class Validate {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] folders) throws IOException {
        var answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err); // a library that prints must not spoil the answers
        var fhir = FhirContext.forR4();
        var own = new OwnArtefacts(fhir);
        for (String folder : folders) {
            own.read(Path.of(folder));
        }
        var validator = validator(fhir, own);
        var questions = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = questions.readLine(); line != null; line = questions.readLine()) {
            answers.println(JSON.writeValueAsString(answer(validator, JSON.readTree(line))));
        }
        Runtime.getRuntime().halt(0); // the validator's thread pool would keep the process alive
    }

    private static FhirValidator validator(FhirContext fhir, OwnArtefacts own) {
        var unknownSystems = new UnknownCodeSystemWarningValidationSupport(fhir);
        unknownSystems.setNonExistentCodeSystemSeverity(IssueSeverity.INFORMATION);
        var support = new ValidationSupportChain(
                new DefaultProfileValidationSupport(fhir),
                own,
                new CommonCodeSystemsTerminologyService(fhir),
                new InMemoryTerminologyServerValidationSupport(fhir),
                new SnapshotGeneratingValidationSupport(fhir),
                unknownSystems);
        var module = new FhirInstanceValidator(support);
        module.setErrorForUnknownProfiles(true); // otherwise a profile that nobody loaded counts as met
        module.setAnyExtensionsAllowed(true);
        module.setValidatorPolicyAdvisor(new VitalSignsAreImplied());
        return fhir.newValidator().registerValidatorModule(module);
    }

    private static ObjectNode answer(FhirValidator validator, JsonNode question) {
        ObjectNode answer = JSON.createObjectNode();
        answer.set("name", question.get("name"));
        var issues = answer.putArray("issues");
        try {
            var result = validator.validateWithResult(question.get("resource").toString());
            for (SingleValidationMessage message : result.getMessages()) {
                issues.addObject()
                        .put("severity", message.getSeverity().getCode())
                        .put("location", message.getLocationString())
                        .put("message", message.getMessage());
            }
        } catch (RuntimeException unreadable) { // what the parser refuses is an answer too
            issues.addObject()
                    .put("severity", "fatal")
                    .put("location", "")
                    .put("message", unreadable.toString());
        }
        return answer;
    }

    /**
     * R4 binds an Observation with a vital sign's LOINC code to that sign's profile, named in the resource or not.
     * HAPI's own policy asks for named profiles only; HL7's, which it wraps, knows the implied ones.
     */
    private static final class VitalSignsAreImplied extends FhirDefaultPolicyAdvisor {
        @Override
        public List<StructureDefinition> getImpliedProfilesForResource(
                IResourceValidator validator, Object context, String path, ElementDefinition definition,
                StructureDefinition structure, Element resource, boolean valid, IMessagingServices messages,
                List<ValidationMessage> found) {
            return getPolicyAdvisor().getImpliedProfilesForResource(
                    validator, context, path, definition, structure, resource, valid, messages, found);
        }
    }
}
